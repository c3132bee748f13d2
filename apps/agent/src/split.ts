import { encodeSample, MAX_PAYLOAD_BYTES, type Row, type Sample } from '@hostwire/model';

/** Room for what is added to a sample later: the `agent` row, rows of gaps, `backfill`, another time. */
const RESERVED_BYTES = 1024;

/** The part of a sample that is divided. */
export type Payload = Pick<Sample, 'data' | 'errors'>;

/**
 * A tick in as many parts as needed for each to fit on the wire (256 KiB); nearly always one. Errors go with the first part.
 * Sizes are those of the JSON text even where it is sent as gzip, so that a part always fits. A single row that does not fit
 * is left out and named in the errors.
 */
export function splitPayload(payload: Payload, header: Omit<Sample, 'data' | 'errors'>): Payload[] {
  const fits = (part: Payload): boolean => Buffer.byteLength(encodeSample({ ...header, ...part })) + RESERVED_BYTES <= MAX_PAYLOAD_BYTES;
  if (fits(payload)) return [payload];
  const rows = Object.entries(payload.data).flatMap(([measurement, list]) => list.map((row) => ({ measurement, row })));
  const tooLarge: string[] = [];

  const divide = (part: typeof rows): Payload[] => {
    const candidate = { data: group(part) };
    if (part.length === 0) return [];
    if (fits(candidate)) return [candidate];
    if (part.length === 1) {
      tooLarge.push(part[0]?.measurement ?? '');
      return [];
    }
    const middle = Math.ceil(part.length / 2);
    return [...divide(part.slice(0, middle)), ...divide(part.slice(middle))];
  };

  const parts = divide(rows);
  const errors = [
    ...(payload.errors ?? []),
    ...tooLarge.map((measurement) => ({
      collector: measurement,
      code: 'too-large',
      message: `a row of ${measurement} is larger than a message may be (${MAX_PAYLOAD_BYTES} bytes) and was left out`,
    })),
  ].slice(0, 256);
  if (errors.length === 0) return parts;
  const first = { data: parts[0]?.data ?? {}, errors };
  return fits(first) ? [first, ...parts.slice(1)] : [{ data: {}, errors }, ...parts];
}

function group(rows: readonly { readonly measurement: string; readonly row: Row }[]): Record<string, Row[]> {
  const data: Record<string, Row[]> = {};
  for (const { measurement, row } of rows) {
    const list = data[measurement];
    if (list === undefined) data[measurement] = [row];
    else list.push(row);
  }
  return data;
}
