import { MAX_PAYLOAD_BYTES, MAX_ROWS_PER_SAMPLE, type Sample, SERVER_MEASUREMENT, type Topics } from '@hostwire/model';
import { decodeJson, PayloadError } from '@hostwire/transport';
import type { SampleCheck } from './sample-check.ts';

/** Why a message is no sample. */
export type InvalidReason =
  | 'topic'
  | 'too-large'
  | 'gzip'
  | 'utf8'
  | 'json'
  | 'schema'
  | 'foreign-host'
  | 'foreign-tier'
  | 'reserved'
  | 'decoder';

export interface InvalidSample {
  readonly reason: InvalidReason;
  readonly message: string;
  /** What can be acknowledged all the same, so that the agent does not send it for ever. */
  readonly named: { readonly host: string; readonly run: string; readonly seq: number } | null;
}

export type Decoded = { readonly sample: Sample; readonly invalid: null } | { readonly sample: null; readonly invalid: InvalidSample };

/** The check of a sample is for the names of one host's collectors, not for a hundred thousand. */
const MAX_MEASUREMENTS = 1000;

const RUN = /^[A-Za-z0-9]{1,32}$/;

/** The sample of a message on a sample topic: JSON or gzip, checked against the schema, sent by the host that it names. */
export function decodeSample(topics: Topics, check: SampleCheck, topic: string, payload: Uint8Array): Decoded {
  const target = topics.parse(topic);
  if (target?.kind !== 'sample') return invalid('topic', `${JSON.stringify(topic.slice(0, 200))} is no sample topic`);
  if (payload.length > MAX_PAYLOAD_BYTES) return invalid('too-large', `${payload.length} bytes are more than ${MAX_PAYLOAD_BYTES}`);
  let value: unknown;
  try {
    value = decodeJson(payload);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return invalid(error.code, error.message);
  }
  const names = countMeasurements(value);
  if (names > MAX_MEASUREMENTS) return invalid('too-large', `${names} measurements are more than ${MAX_MEASUREMENTS}`, target.host, value);
  if (!check.passes(value)) {
    return invalid('schema', check.explain(value), target.host, value);
  }
  if (value.host !== target.host)
    return invalid('foreign-host', `the sample of ${value.host} came on the topic of ${target.host}`, target.host, value);
  if (value.tier !== target.tier)
    return invalid('foreign-tier', `a sample of tier ${value.tier} came as ${target.tier}`, target.host, value);
  if (Object.hasOwn(value.data, SERVER_MEASUREMENT))
    return invalid(
      'reserved',
      `${SERVER_MEASUREMENT} is the measurement of the server itself; give yours another name`,
      target.host,
      value,
    );
  const rows = countRows(value);
  if (rows > MAX_ROWS_PER_SAMPLE) return invalid('too-large', `${rows} rows are more than ${MAX_ROWS_PER_SAMPLE}`, target.host, value);
  return { sample: value, invalid: null };
}

function countMeasurements(value: unknown): number {
  const { data } = (value ?? {}) as { readonly data?: unknown };
  return typeof data === 'object' && data !== null ? Object.keys(data).length : 0;
}

function countRows({ data }: Sample): number {
  let rows = 0;
  for (const measurement in data) rows += data[measurement]?.length ?? 0;
  return rows;
}

function invalid(reason: InvalidReason, message: string, host?: string, value?: unknown): Decoded {
  return { sample: null, invalid: { reason, message: message.slice(0, 500), named: host === undefined ? null : named(host, value) } };
}

function named(host: string, value: unknown): InvalidSample['named'] {
  if (typeof value !== 'object' || value === null) return null;
  const { run, seq } = value as { readonly run?: unknown; readonly seq?: unknown };
  if (typeof run !== 'string' || !RUN.test(run) || !Number.isSafeInteger(seq) || (seq as number) < 1) return null;
  return { host, run, seq: seq as number };
}
