import type { FieldType } from '@hostwire/model';
import type { Scalar } from '../series-reader.ts';
import { StoreError } from '../series-store.ts';
import type { Reduced, Reducer, Run } from './reducer.ts';
import { compareValues, valueAt } from './values.ts';

type Name = 'stddev' | 'median' | 'mode' | 'percentile' | 'distinct' | 'count-distinct';

/** Most values that one call may hold at a time. */
const MAX_HELD = 4_000_000;

interface Collected {
  readonly values: Scalar[];
  readonly times: number[];
  readonly nanos: number[];
  readonly series: number[];
}

/** The aggregates that need all values of a bucket at once. */
export class CollectingReducer implements Reducer {
  readonly type: FieldType;
  private readonly name: Name;
  private readonly parameter: number;
  private readonly slots: Collected[] = [];
  /** Whether it matters which point a value is of. */
  private readonly keepsPoints: boolean;
  private held = 0;

  constructor(name: Name, type: FieldType, parameter: number) {
    this.name = name;
    this.parameter = parameter;
    this.keepsPoints = name !== 'stddev' && name !== 'median' && name !== 'count-distinct';
    this.type = name === 'stddev' || name === 'median' ? 'float' : name === 'count-distinct' ? 'int' : type;
  }

  add(slot: number, { block, column, mask, from, to, series }: Run): void {
    let into = this.slots[slot];
    if (into === undefined) {
      into = { values: [], times: [], nanos: [], series: [] };
      this.slots[slot] = into;
    }
    this.held += to - from;
    if (this.held > MAX_HELD) {
      throw new StoreError(
        'query',
        `hostwire: ${this.name}() over more than ${MAX_HELD} points at once is not supported; narrow the time range or the series`,
      );
    }
    for (let i = from; i < to; i++) {
      if (mask !== null && mask[i] === 0) continue;
      const value = valueAt(column, i);
      if (value === null) continue;
      into.values.push(value);
      if (!this.keepsPoints) continue;
      into.times.push(block.times[i] ?? 0);
      into.nanos.push(block.nanos?.[i] ?? 0);
      into.series.push(series);
    }
  }

  results(slot: number): readonly Reduced[] {
    const all = this.slots[slot];
    if (all === undefined || all.values.length === 0) return [];
    switch (this.name) {
      case 'stddev':
        return [plain(stddev(all.values.map(Number)))];
      case 'median':
        return [plain(median(all.values.map(Number)))];
      case 'mode':
        return [plain(mode(all))];
      case 'percentile':
        return this.percentile(all);
      case 'distinct':
        return distinct(all);
      case 'count-distinct':
        return [plain(new Set(all.values).size)];
    }
  }

  private percentile(all: Collected): readonly Reduced[] {
    const order = byValueAndTime(all);
    const at = order[Math.floor((order.length * this.parameter) / 100 + 0.5) - 1];
    return at === undefined ? [] : [point(all, at)];
  }
}

function plain(value: Scalar | null): Reduced {
  return { value, ms: 0, nanos: 0, series: 0 };
}

function point(all: Collected, at: number): Reduced {
  return { value: all.values[at] ?? null, ms: all.times[at] ?? 0, nanos: all.nanos[at] ?? 0, series: all.series[at] ?? 0 };
}

function laterThan(all: Collected, a: number, b: number): number {
  return (all.times[a] ?? 0) - (all.times[b] ?? 0) || (all.nanos[a] ?? 0) - (all.nanos[b] ?? 0);
}

function byValueAndTime(all: Collected): readonly number[] {
  const order = all.values.map((_, at) => at);
  return order.sort((a, b) => compareValues(all.values[a] as Scalar, all.values[b] as Scalar) || laterThan(all, a, b));
}

/** Of the sample (n - 1). Null for one value. */
function stddev(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  let mean = 0;
  values.forEach((value, i) => {
    mean += (value - mean) / (i + 1);
  });
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}

function median(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half] ?? 0;
  if (sorted.length % 2 === 1) return high;
  const low = sorted[half - 1] ?? 0;
  return low + (high - low) / 2;
}

/** The most frequent value; of several the one that was seen first. (InfluxDB's choice among several is arbitrary.) */
function mode(all: Collected): Scalar {
  const order = byValueAndTime(all);
  let best = { count: 0, at: order[0] ?? 0 };
  let start = 0;
  for (let i = 1; i <= order.length; i++) {
    const first = order[start] ?? 0;
    const at = order[i];
    if (at !== undefined && compareValues(all.values[at] as Scalar, all.values[first] as Scalar) === 0) continue;
    const count = i - start;
    if (count > best.count || (count === best.count && laterThan(all, first, best.at) < 0)) best = { count, at: first };
    start = i;
  }
  return all.values[best.at] as Scalar;
}

function distinct(all: Collected): readonly Reduced[] {
  const first = new Map<Scalar, number>();
  all.values.forEach((value, at) => {
    const known = first.get(value);
    if (known === undefined || laterThan(all, at, known) < 0) first.set(value, at);
  });
  const order = [...first.values()].sort((a, b) => laterThan(all, a, b) || compareValues(all.values[a] as Scalar, all.values[b] as Scalar));
  return order.map((at) => point(all, at));
}
