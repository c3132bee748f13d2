import type { CertificateFacts } from '@hostwire/host-access';
import type { Row, Tags } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { ParseError } from '../proc-text.ts';
import {
  ASKED_AT_ONCE,
  askEach,
  collectorTimeout,
  failureOf,
  hostName,
  isNameFailure,
  oneSeriesEach,
  resultFields,
  targetsNamed,
  targetsOption,
  targetTimeout,
} from '../targets.ts';
import { milliseconds } from '../timings.ts';
import { certificateFields, commonNameOf, dateFault, parseCertificates, typeOf } from './parse.ts';

const TlsTarget = Type.Object(
  {
    host: hostName('Name or address of a TLS server'),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 443, description: 'Its port' }),
    server_name: Type.String({
      pattern: '^[A-Za-z0-9_.*-]{0,253}$',
      allowed: 'a host name',
      default: '',
      description: 'Name to ask for and to check; empty: `host`',
    }),
    timeout_seconds: targetTimeout,
  },
  { additionalProperties: false, allowed: 'a host, perhaps with its port, or a file' },
);
const FileTarget = Type.Object(
  { file: Type.String({ pattern: '^/.{1,4000}$', allowed: 'an absolute path', description: 'Certificate or chain, as PEM' }) },
  { additionalProperties: false },
);
const Target = Type.Union([TlsTarget, FileTarget]);
type Target = Static<typeof Target>;

const results = resultFields({ success: 0, timeout: 1, connection_failed: 2, dns_error: 3, unreadable: 4 });

/** What a target showed, its own certificate first. */
interface Shown {
  readonly chain: readonly CertificateFacts[];
  /** Why the first is not trusted. */
  readonly distrust: (facts: CertificateFacts) => string | null;
}

export const x509Cert = defineCollector({
  name: 'x509_cert',
  tier: 'slow',
  help: 'Certificates of TLS servers and in files: how long they are valid, and whether they are trusted.',
  measurements: {
    x509_cert: {
      help: 'One certificate of a chain, or why there was none.',
      tags: {
        source: 'tcp://host:port, with #server_name if that is set, or the path of the file',
        common_name: 'Common name of the subject, else the first name that it is for',
        type: 'leaf, intermediate or root',
      },
      fields: {
        ...results.declaration,
        error: state('string', 'Why there was no certificate: ECONNREFUSED, ENOENT, ...'),
        expiry: gauge('int', 's', 'Until it expires; negative if it has'),
        age: gauge('int', 's', 'Since it began to be valid'),
        startdate: state('int', 'When it began to be valid, seconds since the epoch'),
        enddate: state('int', 'When it expires, seconds since the epoch'),
        verification: state('string', 'valid or invalid: of a server by its chain, its name and its dates, of all others by their dates'),
        verification_code: { type: 'int', unit: '1', kind: 'gauge', help: '0: valid, 1: invalid' },
        verification_error: state('string', 'Why it is invalid: CERT_HAS_EXPIRED, ERR_TLS_CERT_ALTNAME_INVALID, ...'),
        public_key_length: state('int', 'Bits of an RSA key'),
        serial_number: state('string', 'Hexadecimal'),
        issuer_common_name: state('string', 'Who signed it'),
        organization: state('string', 'Organization of the subject'),
        san: state('string', 'Names that it is for, with commas between them'),
      },
    },
  },
  options: Type.Object({
    targets: targetsOption(Target, 'What is looked at, at most 64: `host`, perhaps with `port`, or `file`'),
    timeout_seconds: collectorTimeout,
  }),
  configuredNeeds: ({ targets }) => ({ files: targets.flatMap((target) => ('file' in target ? [target.file] : [])) }),
  async probe(_access, { targets }) {
    const named = targetsNamed('x509_cert', targets, '{ host = "example.org" }');
    return named.available ? oneSeriesEach(targets, sourceOf) : named;
  },
  async collect(context) {
    const rows = await askEach(context, context.options.targets, ASKED_AT_ONCE, (target) => askOne(context, target));
    return { x509_cert: rows.flat() };
  },
});

async function askOne(context: CollectContext, target: Target): Promise<Row[]> {
  const source = sourceOf(target);
  try {
    const { chain, distrust } = await show(context, target);
    return toRows(source, chain, (facts, index) => (index === 0 ? distrust(facts) : dateFault(facts, context.time)), context.time);
  } catch (error) {
    const code = error instanceof ParseError ? error.code : failureOf(error);
    return [{ tags: { source }, fields: { ...results.of(resultOf(code, target)), error: code } }];
  }
}

async function show({ access, signal, time }: CollectContext, target: Target): Promise<Shown> {
  if ('file' in target) {
    const chain = parseCertificates(await access.readFile(target.file, { signal }));
    return { chain, distrust: (facts) => dateFault(facts, time) };
  }
  const { host, port, server_name, timeout_seconds } = target;
  const { certificate } = await access.dial(
    { host, port, tls: server_name === '' ? {} : { servername: server_name }, until: null },
    { signal, timeout: milliseconds(timeout_seconds) },
  );
  if (certificate === undefined || certificate.chain.length === 0) throw new ParseError(`${host}:${port} shows no certificate`);
  return { chain: certificate.chain, distrust: () => (certificate.authorized ? null : (certificate.authorizationError ?? 'untrusted')) };
}

function toRows(
  source: string,
  chain: readonly CertificateFacts[],
  distrust: (facts: CertificateFacts, index: number) => string | null,
  time: number,
): Row[] {
  const rows = new Map<string, Row>();
  for (const [index, facts] of chain.entries()) {
    const tags: Tags = { source, common_name: commonNameOf(facts), type: typeOf(facts, index) };
    const key = JSON.stringify(tags);
    // Two of one name (one signed by two authorities) would be one series.
    if (!rows.has(key))
      rows.set(key, { tags, fields: { ...results.of('success'), ...certificateFields(facts, time, distrust(facts, index)) } });
  }
  return [...rows.values()];
}

function sourceOf(target: Target): string {
  if ('file' in target) return target.file;
  const { host, port, server_name } = target;
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}${server_name === '' ? '' : `#${server_name}`}`;
}

function resultOf(code: string, target: Target) {
  if ('file' in target) return 'unreadable';
  if (code === 'timeout') return 'timeout';
  return isNameFailure(code) ? 'dns_error' : 'connection_failed';
}
