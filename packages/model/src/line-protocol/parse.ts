import type { Point } from '../point.ts';
import type { FieldType, FieldValue } from '../sample.ts';
import { LineReader, LineSyntaxError } from './line-reader.ts';

/** Units of timestamps in line protocol; `n`, `ns` and `u`, `us` are the same. */
export type Precision = 'n' | 'ns' | 'u' | 'us' | 'ms' | 's' | 'm' | 'h';

const NS: Readonly<Record<Precision, bigint>> = {
  n: 1n,
  ns: 1n,
  u: 1_000n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

export function isPrecision(text: string): text is Precision {
  return Object.hasOwn(NS, text);
}

export interface ParsedPoint {
  readonly point: Point;
  /** ms */
  readonly time: number;
  readonly nanos: number;
  /** From 1. */
  readonly line: number;
}

export interface LineError {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** As InfluxDB says it: `unable to parse 'm': missing fields`. */
  readonly message: string;
}

export interface ParsedLines {
  readonly points: readonly ParsedPoint[];
  readonly errors: readonly LineError[];
}

const MIN_NS = -9223372036854775806n;
const MAX_NS = 9223372036854775806n;

/**
 * Parses InfluxDB's line protocol. Bad lines are told and the others returned; never throws. A line without a time gets
 * `nowMs`. Line breaks inside of quoted strings belong to the string.
 */
export function parseLines(text: string, precision: Precision, nowMs: number): ParsedLines {
  const points: ParsedPoint[] = [];
  const errors: LineError[] = [];
  const reader = new LineReader(text);
  for (let line = reader.next(); line !== null; line = reader.next()) {
    try {
      points.push(parseLine(reader, precision, nowMs, line));
    } catch (error) {
      if (!(error instanceof LineSyntaxError)) throw error;
      const bad = reader.rest();
      errors.push({ line, text: bad, message: `unable to parse '${bad}': ${error.message}` });
    }
  }
  return { points, errors };
}

function parseLine(reader: LineReader, precision: Precision, nowMs: number, line: number): ParsedPoint {
  const measurement = reader.measurement();
  const tags = reader.tags();
  const fields: Record<string, FieldValue> = {};
  const types: Record<string, FieldType> = {};
  reader.fields((key, value, type) => {
    fields[key] = value;
    types[key] = type;
  });
  const stamp = reader.timestamp();
  const point = { measurement, tags, fields, types };
  return stamp === null ? { point, time: nowMs, nanos: 0, line } : { point, ...toTime(stamp, precision), line };
}

function toTime(stamp: string, precision: Precision): { time: number; nanos: number } {
  if (!/^-?[0-9]{1,19}$/.test(stamp)) throw new LineSyntaxError('bad timestamp');
  if (precision === 'ms' && stamp.length < 15) return { time: Number(stamp), nanos: 0 };
  const ns = BigInt(stamp) * NS[precision];
  if (ns < MIN_NS || ns > MAX_NS) throw new LineSyntaxError('time outside range -9223372036854775806 - 9223372036854775806');
  const nanos = ((ns % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { time: Number((ns - nanos) / 1_000_000n), nanos: Number(nanos) };
}
