import type { FieldType } from '@hostwire/model';
import type { Fill } from './ast.ts';
import { addInts, applyMath, isNumeric, toInt, type Value } from './values.ts';
import type { Windows } from './windows.ts';

/** The output of one aggregate or transformation for one group, in the order of the query. Arrays of equal length. */
export interface PointList {
  readonly type: FieldType;
  /** ms */
  readonly times: number[];
  readonly nanos: number[];
  readonly values: Value[];
  /** For selectors with other columns: the chosen point's own time and series. */
  readonly origins: readonly { readonly ms: number; readonly nanos: number; readonly series: number }[] | null;
}

export function emptyList(type: FieldType): PointList {
  return { type, times: [], nanos: [], values: [], origins: null };
}

/** Puts a point for each bucket of [first, last] (starts, ms) that has none; nothing at all if the list is empty. */
export function fillGaps(
  list: PointList,
  fill: Fill,
  bounds: { first: number | null; last: number },
  windows: Windows,
  descending: boolean,
): PointList {
  if (fill.kind === 'none' || list.times.length === 0) return list;
  const out = emptyList(list.type);
  const origins: { ms: number; nanos: number; series: number }[] = [];
  const start = descending ? bounds.last : (bounds.first ?? list.times[0] ?? 0);
  const end = descending ? (bounds.first ?? list.times.at(-1) ?? 0) : bounds.last;
  let next = 0;
  const keep = () => {
    push(out, list.times[next] ?? 0, list.values[next] ?? null);
    origins.push(list.origins?.[next] ?? NO_ORIGIN);
    next++;
  };
  for (const at of windows.walk(start, end, descending)) {
    const there = list.times[next];
    if (there !== undefined && (descending ? there >= at : there <= at)) keep();
    else {
      push(out, at, gapValue(list, fill, next, at, windows.interval));
      origins.push(NO_ORIGIN);
    }
  }
  // A clock that was put back leaves more buckets than steps of the interval.
  while (next < list.times.length) keep();
  return { ...out, origins: list.origins === null ? null : origins };
}

const NO_ORIGIN = { ms: 0, nanos: 0, series: -1 };

function push(list: PointList, ms: number, value: Value): void {
  list.times.push(ms);
  list.nanos.push(0);
  list.values.push(value);
}

function gapValue(list: PointList, fill: Fill, next: number, at: number, interval: number): Value {
  switch (fill.kind) {
    case 'number':
      return fillNumber(fill.value, list.type);
    case 'previous':
      return next === 0 ? null : (list.values[next - 1] ?? null);
    case 'linear':
      return next === 0 || next >= list.values.length ? null : interpolate(list, next, at, interval);
    case 'null':
    case 'none':
      return null;
  }
}

/** A number as Go's query engine casts it to the type of a column. */
function fillNumber(value: number | bigint, type: FieldType): Value {
  if (type === 'int') return toInt(value);
  if (type === 'float') return Number(value);
  return type === 'string' ? '' : false;
}

function interpolate(list: PointList, next: number, at: number, interval: number): Value {
  const before = list.values[next - 1] ?? null;
  const after = list.values[next] ?? null;
  if (!isNumeric(before) || !isNumeric(after)) return null;
  const slot = (ms: number | undefined) => Math.trunc((ms ?? 0) / interval);
  const slope = (Number(after) - Number(before)) / (slot(list.times[next]) - slot(list.times[next - 1]));
  const value = slope * (slot(at) - slot(list.times[next - 1])) + Number(before);
  return list.type === 'int' ? toInt(value) : value;
}

/** What fill(number) puts for a null in a row that has other values: InfluxDB converts it for integers only. */
export function fillNull(value: number | bigint, type: FieldType): Value {
  return type === 'int' ? toInt(value) : Number(value);
}

/** OFFSET and LIMIT. */
export function limitList(list: PointList, offset: number, limit: number): PointList {
  if (offset === 0 && limit === 0) return list;
  const end = limit === 0 ? list.times.length : offset + limit;
  const { type, times, nanos, values, origins } = list;
  return {
    type,
    times: times.slice(offset, end),
    nanos: nanos.slice(offset, end),
    values: values.slice(offset, end),
    origins: origins?.slice(offset, end) ?? null,
  };
}

/** The functions on the stream of points: each point that has a value against those before it. */
export function transform(name: string, list: PointList, unitMs: number, size: number, descending: boolean): PointList {
  switch (name) {
    case 'derivative':
    case 'non_negative_derivative':
    case 'difference':
    case 'non_negative_difference':
      return change(name, list, unitMs, descending);
    case 'cumulative_sum':
      return cumulativeSum(list);
    case 'elapsed':
      return elapsed(list, unitMs, descending);
    default:
      return movingAverage(list, size);
  }
}

function elapsedMs(list: PointList, a: number, b: number): number {
  return (list.times[b] ?? 0) - (list.times[a] ?? 0) + ((list.nanos[b] ?? 0) - (list.nanos[a] ?? 0)) / 1e6;
}

function keep(out: PointList, list: PointList, at: number, value: Value): void {
  out.times.push(list.times[at] ?? 0);
  out.nanos.push(list.nanos[at] ?? 0);
  out.values.push(value);
}

/** derivative and difference. Of several points of one time only the first counts (a change needs time). */
function change(name: string, list: PointList, unitMs: number, descending: boolean): PointList {
  const rate = name.endsWith('derivative');
  const ints = list.type === 'int';
  const out = emptyList(rate ? 'float' : list.type);
  let before = -1;
  for (let at = 0; at < list.values.length; at++) {
    const value = list.values[at] ?? null;
    if (!isNumeric(value) || (before !== -1 && elapsedMs(list, before, at) === 0)) continue;
    if (before !== -1) {
      const diff = applyMath('-', value, list.values[before] ?? null, ints);
      if (isNumeric(diff) && !(name.startsWith('non_negative') && diff < 0)) {
        const took = elapsedMs(list, before, at) * (descending ? -1 : 1);
        keep(out, list, at, rate ? Number(diff) / (took / unitMs) : diff);
      }
    }
    before = at;
  }
  return out;
}

function cumulativeSum(list: PointList): PointList {
  const out = emptyList(list.type);
  let sum: number | bigint = 0;
  list.values.forEach((value, at) => {
    if (!isNumeric(value)) return;
    sum = list.type === 'int' ? addInts(sum, value) : Number(sum) + Number(value);
    keep(out, list, at, sum);
  });
  return out;
}

function elapsed(list: PointList, unitMs: number, descending: boolean): PointList {
  const out = emptyList('int');
  let before = -1;
  list.values.forEach((value, at) => {
    if (value === null) return;
    if (before !== -1) keep(out, list, at, Math.trunc((elapsedMs(list, before, at) * (descending ? -1 : 1)) / unitMs) + 0);
    before = at;
  });
  return out;
}

function movingAverage(list: PointList, size: number): PointList {
  const out = emptyList('float');
  const held: number[] = [];
  let sum = 0;
  list.values.forEach((value, at) => {
    if (!isNumeric(value)) return;
    held.push(Number(value));
    sum += Number(value);
    if (held.length > size) sum -= held[held.length - size - 1] ?? 0;
    if (held.length >= size) keep(out, list, at, sum / size);
  });
  return out;
}
