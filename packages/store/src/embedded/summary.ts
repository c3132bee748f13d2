import type { Summary } from '../series-reader.ts';
import { ByteReader, ByteWriter, DamagedError } from './binary.ts';
import type { NumberStats } from './number-codec.ts';

/*
 * Summaries of a chunk's columns, apart from the columns so that a query by hours or days never reads those: version,
 * number of fields; each: field, length of the rest, decimals (255: doubles), min, and max, first and last less it, and
 * the sum, all times 10^decimals (or five doubles), number of values, ms from the chunk's first time to that of the first
 * value, from that of the last value to the chunk's last.
 */
const VERSION = 1;
const DOUBLES = 255;
const POWERS = [1, 10, 100, 1000, 10000] as const;

/** A column's summary in whole numbers, value * 10^decimals, or (`decimals` null) as it is. */
export interface EncodedSummary {
  readonly decimals: number | null;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
  /** Rows of the first and last value. */
  readonly firstRow: number;
  readonly lastRow: number;
}

/** Of x[0..count), count >= 1; null if it would not be exact, or x holds what is no number. */
export function summarize(x: Float64Array, count: number, stats: NumberStats, firstRow: number, lastRow: number): EncodedSummary | null {
  const values = stats.decimals === null ? x : stats.scaled;
  const first = values[0] as number;
  const last = values[count - 1] as number;
  let min = first;
  let max = first;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  if (!Number.isFinite(sum)) return null;
  const whole = [min, max, sum, max - min].every(Number.isSafeInteger);
  if (stats.decimals !== null && !whole) return null;
  // A constant is whole or not; -0 would lose its sign, which no answer shows.
  const decimals = stats.decimals ?? (whole ? 0 : null);
  if (decimals === null && stats.decimals === null && values.subarray(0, count).every(Number.isInteger)) return null;
  return { decimals, count, min, max, sum, first, last, firstRow, lastRow };
}

const writer = new ByteWriter(1024);
const body = new ByteWriter(128);

/** `times`: those of the chunk's rows. */
export function encodeSummaries(summaries: ReadonlyMap<number, EncodedSummary>, times: Float64Array, n: number): Buffer {
  const t0 = times[0] as number;
  const t1 = times[n - 1] as number;
  writer.length = 0;
  writer.u8(VERSION);
  writer.varint(summaries.size);
  for (const [field, { decimals, count, min, max, sum, first, last, firstRow, lastRow }] of summaries) {
    body.length = 0;
    if (decimals === null) {
      body.u8(DOUBLES);
      for (const value of [min, max, first, last, sum]) body.f64(value);
    } else {
      body.u8(decimals);
      body.signed(min);
      for (const value of [max, first, last]) body.varint(value - min);
      body.signed(sum);
    }
    body.varint(count);
    body.varint((times[firstRow] as number) - t0);
    body.varint(t1 - (times[lastRow] as number));
    writer.varint(field);
    writer.varint(body.length);
    writer.raw(body.bytes.subarray(0, body.length));
  }
  return writer.take();
}

/** The summaries of these fields of a chunk from t0 to t1; null for one that has none. Throws DamagedError. */
export function decodeSummaries(blob: Uint8Array, fields: readonly number[], t0: number, t1: number): (Summary | null)[] {
  const input = new ByteReader(blob);
  if (input.u8() !== VERSION) throw new DamagedError('version of summaries is not known');
  const result = new Array<Summary | null>(fields.length).fill(null);
  for (let left = input.varint(); left > 0; left--) {
    const wanted = fields.indexOf(input.varint());
    const end = input.varint() + input.offset;
    if (wanted >= 0) result[wanted] = decodeSummary(input, t0, t1);
    input.offset = end;
  }
  return result;
}

function decodeSummary(input: ByteReader, t0: number, t1: number): Summary {
  const decimals = input.u8();
  let [min, max, first, last, sum] = [0, 0, 0, 0, 0];
  if (decimals === DOUBLES) {
    [min, max, first, last, sum] = [input.f64(), input.f64(), input.f64(), input.f64(), input.f64()];
  } else {
    const power = POWERS[decimals];
    if (power === undefined) throw new DamagedError('decimals of a summary');
    const base = input.signed();
    [max, first, last] = [(base + input.varint()) / power, (base + input.varint()) / power, (base + input.varint()) / power];
    min = base / power;
    sum = input.signed() / power;
  }
  return { count: input.varint(), min, max, sum, first, last, firstTime: t0 + input.varint(), lastTime: t1 - input.varint() };
}
