import { StoreError } from '../series-store.ts';
import type { Binary, BinaryOp, Expr } from './ast.ts';
import { zonedTime } from './time-zone.ts';

/** Inclusive, in nanoseconds since the epoch. */
export interface TimeRange {
  readonly min: bigint;
  readonly max: bigint;
}

/** InfluxDB's own bounds of time (models.MinNanoTime, MaxNanoTime). */
export const MIN_TIME = -9223372036854775806n;
export const MAX_TIME = 9223372036854775806n;

export interface SplitCondition {
  /** Null: nothing else is asked. */
  readonly condition: Expr | null;
  /** Null: not bounded by the statement. */
  readonly min: bigint | null;
  readonly max: bigint | null;
}

type TimeValue = { readonly kind: 'time' | 'duration' | 'integer'; readonly ns: bigint };

const SWAPPED: Readonly<Record<string, BinaryOp>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' };

/**
 * Takes the comparisons of `time` out of a WHERE. As in InfluxDB 1.x they bound the whole query wherever they stand,
 * under an OR as well.
 */
export function splitTime(where: Expr | null, nowNs: bigint, timeZone: string | null): SplitCondition {
  if (where === null) return { condition: null, min: null, max: null };
  if (where.kind === 'paren') return splitTime(where.expr, nowNs, timeZone);
  if (where.kind === 'boolean') return { condition: where, min: null, max: null };
  if (where.kind !== 'binary') throw new StoreError('query', 'invalid condition expression: a comparison is expected');
  if (where.op !== 'AND' && where.op !== 'OR') return splitComparison(where, nowNs, timeZone);
  const left = splitTime(where.left, nowNs, timeZone);
  const right = splitTime(where.right, nowNs, timeZone);
  return { ...intersect(left, right), condition: join(where.op, left.condition, right.condition) };
}

function join(op: 'AND' | 'OR', left: Expr | null, right: Expr | null): Expr | null {
  if (left === null) return right;
  return right === null ? left : { kind: 'binary', op, left, right };
}

function intersect(a: SplitCondition, b: SplitCondition): Pick<SplitCondition, 'min' | 'max'> {
  return {
    min: a.min === null ? b.min : b.min === null || a.min > b.min ? a.min : b.min,
    max: a.max === null ? b.max : b.max === null || a.max < b.max ? a.max : b.max,
  };
}

function isTime(expr: Expr): boolean {
  return expr.kind === 'ref' && expr.name.toLowerCase() === 'time';
}

function splitComparison(where: Binary, nowNs: bigint, timeZone: string | null): SplitCondition {
  if (isTime(where.left)) return bound(where.op, where.right, nowNs, timeZone);
  const swapped = SWAPPED[where.op];
  if (isTime(where.right) && swapped !== undefined) return bound(swapped, where.left, nowNs, timeZone);
  return { condition: where, min: null, max: null };
}

function bound(op: BinaryOp, expr: Expr, nowNs: bigint, timeZone: string | null): SplitCondition {
  const value = timeValue(expr, nowNs, timeZone);
  const ns = clamp(value.ns);
  if (op === '=') return { condition: null, min: ns, max: ns };
  if (op === '>' || op === '>=') return { condition: null, min: op === '>' ? ns + 1n : ns, max: null };
  if (op === '<' || op === '<=') return { condition: null, min: null, max: op === '<' ? ns - 1n : ns };
  throw new StoreError('query', `invalid time comparison operator: ${op}`);
}

function clamp(ns: bigint): bigint {
  if (ns < MIN_TIME || ns > MAX_TIME) throw new StoreError('query', `time ${ns} is outside of what 64 bit nanoseconds can hold`);
  return ns;
}

/** Evaluates `now() - 5m`, `'2026-01-01' + 6h`, `1600000000s`. */
function timeValue(expr: Expr, nowNs: bigint, timeZone: string | null): TimeValue {
  switch (expr.kind) {
    case 'paren':
      return timeValue(expr.expr, nowNs, timeZone);
    case 'duration':
      return { kind: 'duration', ns: expr.ns };
    case 'integer':
      return { kind: 'integer', ns: expr.value };
    case 'number':
      return { kind: 'integer', ns: BigInt(Math.trunc(expr.value)) };
    case 'string':
      return { kind: 'time', ns: parseTime(expr.value, timeZone) };
    case 'call':
      if (expr.name !== 'now' || expr.args.length > 0) break;
      return { kind: 'time', ns: nowNs };
    case 'binary': {
      const left = timeValue(expr.left, nowNs, timeZone);
      const right = timeValue(expr.right, nowNs, timeZone);
      if (expr.op === '+') return { kind: left.kind === 'time' || right.kind === 'time' ? 'time' : left.kind, ns: left.ns + right.ns };
      if (expr.op === '-') return { kind: left.kind === right.kind ? 'duration' : 'time', ns: left.ns - right.ns };
      if (expr.op === '*') return { kind: 'duration', ns: left.ns * right.ns };
      break;
    }
    case 'boolean':
    case 'ref':
    case 'regex':
    case 'wildcard':
  }
  throw new StoreError('query', 'invalid operation: time can be compared with a time string, a duration, an integer and now() only');
}

const TIME = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/;

/** `2026-01-02`, `2026-01-02 15:04:05.123`, RFC 3339. Throws StoreError `query` for anything else. */
function parseTime(text: string, timeZone: string | null): bigint {
  const parts = TIME.exec(text);
  if (parts === null) throw new StoreError('query', `invalid operation: '${text}' is no time; write RFC 3339, e.g. '2026-01-02T15:04:05Z'`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone] = parts;
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone ?? 'Z'}`);
  if (Number.isNaN(local)) throw new StoreError('query', `unable to parse timestamp '${text}'`);
  const ms = zone === undefined && timeZone !== null ? zonedTime(local, timeZone) : local;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Whole milliseconds at or before, and the nanoseconds beyond them. */
export function splitNs(ns: bigint): { readonly ms: number; readonly nanos: number } {
  const rest = ((ns % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return { ms: Number((ns - rest) / 1_000_000n), nanos: Number(rest) };
}
