import { sampleCheck } from '@hostwire/model/schema';

const HEAD = ['v', 'host', 'tier', 'run', 'seq', 'time', 'interval', 'catalog', 'errors', 'backfill'] as const;
const VALID = { v: 1, host: 'x', tier: 'fast', run: 'x', seq: 1, time: 0, interval: 1, catalog: '' };
const MAX_LISTED = 256;
const MAX_ROWS = 10_000;
/** Explaining costs a hundred times what checking does, so only a part that is small is explained. */
const MAX_EXPLAINED = 100;

/**
 * The first thing for which a value is no sample, with its path (a JSON pointer). The schema itself explains a value in
 * time that grows with its size, up to seconds; here the parts are checked, and only the one that is wrong is explained.
 */
export function sampleFault(value: unknown): string {
  if (!isRecord(value)) return 'is not an object';
  const head = Object.fromEntries(HEAD.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]));
  if (Array.isArray(head['errors']) && head['errors'].length > MAX_LISTED) return `/errors has more than ${MAX_LISTED} items`;
  const faultOfHead = explain({ ...head, data: {} });
  if (faultOfHead !== null) return faultOfHead;
  const { data } = value;
  if (!isRecord(data)) return '/data is not an object';
  for (const measurement in data) {
    const rows = data[measurement];
    if (!isRecord(rows) && !Array.isArray(rows)) return `/data/${measurement} is not a list`;
    const fault = faultOfRows(measurement, Array.isArray(rows) ? rows : null);
    if (fault !== null) return fault;
  }
  return 'is not a sample';
}

function faultOfRows(measurement: string, rows: readonly unknown[] | null): string | null {
  const path = `/data/${measurement}`;
  const nameFault = explain({ ...VALID, data: { [measurement]: [] } });
  if (nameFault !== null) return nameFault;
  if (rows === null) return `${path} is not a list`;
  if (rows.length > MAX_ROWS) return `${path} has more than ${MAX_ROWS} rows`;
  const index = firstBad(measurement, rows);
  if (index === null) return null;
  const row = rows[index];
  const isSmall = !isRecord(row) || sizeOf(row['fields']) + sizeOf(row['tags']) <= MAX_EXPLAINED;
  return (
    (isSmall ? explain(withRows(measurement, [row])) : null)?.replace(`${path}/0`, `${path}/${index}`) ?? `${path}/${index} is not a row`
  );
}

/** Halved down: checking many rows at once costs a fraction of checking them one by one. */
function firstBad(measurement: string, rows: readonly unknown[]): number | null {
  if (sampleCheck.Check(withRows(measurement, rows))) return null;
  let from = 0;
  for (let to = rows.length; to - from > 1; ) {
    const half = (from + to) >> 1;
    if (sampleCheck.Check(withRows(measurement, rows.slice(from, half)))) from = half;
    else to = half;
  }
  return from;
}

const withRows = (measurement: string, rows: readonly unknown[]): object => ({ ...VALID, data: { [measurement]: rows } });

function explain(value: unknown): string | null {
  if (sampleCheck.Check(value)) return null;
  const [first] = sampleCheck.Errors(value);
  return first === undefined ? 'is not a sample' : `${first.instancePath} ${first.message}`;
}

function sizeOf(value: unknown): number {
  return isRecord(value) ? Object.keys(value).length : 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
