import type { FieldType } from '@hostwire/model';
import type { Column, RowBlock, Scalar, Summary } from '../series-reader.ts';
import { StoreError } from '../series-store.ts';
import { CollectingReducer } from './collecting-reducer.ts';
import { compareValues, fromBig, typeName, type Value, valueAt } from './values.ts';

/** Rows `from` to `to` (exclusive) of a block of one series, of which all lie in one bucket. */
export interface Run {
  readonly block: RowBlock;
  readonly column: Column;
  /** 0: the row does not pass the WHERE. Null: all pass. */
  readonly mask: Uint8Array | null;
  readonly from: number;
  readonly to: number;
  /** Which series of the group, for what else is to be read at a selected point. */
  readonly series: number;
}

/** What one aggregate yields for one bucket. `ms`, `nanos`, `series`: of the point that a selector chose. */
export interface Reduced {
  readonly value: Value;
  readonly ms: number;
  readonly nanos: number;
  readonly series: number;
}

/** Folds runs of rows into buckets, which are numbered as they are met. */
export interface Reducer {
  readonly type: FieldType;
  add(slot: number, run: Run): void;
  /** Absent: the reducer needs the rows. */
  addSummary?(slot: number, summary: Summary, series: number): void;
  /** Absent: the reducer needs more than one point a series. */
  offer?(slot: number, value: Scalar, ms: number, nanos: number, series: number): void;
  /** Empty: no point in this bucket. More than one for distinct() only. */
  results(slot: number): readonly Reduced[];
}

export const SELECTORS = new Set(['first', 'last', 'min', 'max', 'percentile']);
const NUMERIC_ONLY = new Set(['sum', 'mean', 'spread', 'stddev', 'median', 'percentile', 'min', 'max']);

/** A reducer for an aggregate on a field of this type. Throws StoreError `query` if it cannot be. */
export function createReducer(name: string, type: FieldType, parameter: number): Reducer {
  const takesBool = name === 'min' || name === 'max';
  if (NUMERIC_ONLY.has(name) && (type === 'string' || (type === 'bool' && !takesBool))) {
    throw new StoreError('query', `unsupported ${name} iterator type: *query.${typeName(type)}InterruptIterator`);
  }
  switch (name) {
    case 'count':
      return new CountReducer();
    case 'sum':
    case 'mean':
      return new SumReducer(type, name === 'mean');
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return new SelectingReducer(name, type);
    case 'spread':
      return new SpreadReducer(type);
    case 'stddev':
    case 'median':
    case 'mode':
    case 'percentile':
    case 'distinct':
    case 'count-distinct':
      return new CollectingReducer(name, type, parameter);
    default:
      throw new StoreError('query', `undefined function ${name}()`);
  }
}

function aggregate(value: Value): readonly Reduced[] {
  return [{ value, ms: 0, nanos: 0, series: 0 }];
}

class CountReducer implements Reducer {
  readonly type = 'int';
  private readonly counts: number[] = [];

  add(slot: number, { column, mask, from, to }: Run): void {
    let n = 0;
    const { valid } = column;
    if (valid === null && mask === null) n = to - from;
    else for (let i = from; i < to; i++) if ((valid === null || valid[i] !== 0) && (mask === null || mask[i] !== 0)) n++;
    this.counts[slot] = (this.counts[slot] ?? 0) + n;
  }

  addSummary(slot: number, summary: Summary): void {
    this.counts[slot] = (this.counts[slot] ?? 0) + summary.count;
  }

  results(slot: number): readonly Reduced[] {
    const count = this.counts[slot] ?? 0;
    return count === 0 ? [] : aggregate(count);
  }
}

/** Sum and mean. Sums of integers are exact: what a double cannot hold is carried over to a bigint. */
class SumReducer implements Reducer {
  readonly type: FieldType;
  private readonly mean: boolean;
  private readonly exact: boolean;
  private readonly counts: number[] = [];
  private readonly sums: number[] = [];
  private readonly carries: bigint[] = [];

  constructor(type: FieldType, mean: boolean) {
    this.mean = mean;
    this.exact = type === 'int';
    this.type = mean ? 'float' : type;
  }

  add(slot: number, run: Run): void {
    const { column, mask, from, to } = run;
    if (column.type === 'string') return;
    if (column.type === 'int' && column.big !== null) {
      this.addBig(slot, run, column.big);
      return;
    }
    const { values, valid } = column;
    let n = 0;
    let sum = 0;
    for (let i = from; i < to; i++) {
      if ((valid === null || valid[i] !== 0) && (mask === null || mask[i] !== 0)) {
        sum += values[i] as number;
        n++;
      }
    }
    // Each partial sum of safe integers that is itself safe is exact; a larger one is added again without loss.
    if (this.exact && !Number.isSafeInteger(sum)) this.addOneByOne(slot, run, (i) => BigInt(values[i] ?? 0));
    else this.fold(slot, n, sum);
  }

  private addBig(slot: number, run: Run, big: BigInt64Array): void {
    this.addOneByOne(slot, run, (i) => big[i] ?? 0n);
  }

  private addOneByOne(slot: number, { column, mask, from, to }: Run, read: (row: number) => bigint): void {
    let n = 0;
    let sum = 0n;
    for (let i = from; i < to; i++) {
      if ((column.valid !== null && column.valid[i] === 0) || (mask !== null && mask[i] === 0)) continue;
      sum += read(i);
      n++;
    }
    this.carries[slot] = (this.carries[slot] ?? 0n) + sum;
    this.fold(slot, n, 0);
  }

  addSummary(slot: number, summary: Summary): void {
    this.fold(slot, summary.count, summary.sum);
  }

  private fold(slot: number, count: number, sum: number): void {
    this.counts[slot] = (this.counts[slot] ?? 0) + count;
    const before = this.sums[slot] ?? 0;
    const total = before + sum;
    if (this.exact && !Number.isSafeInteger(total)) {
      this.carries[slot] = (this.carries[slot] ?? 0n) + BigInt(before);
      this.sums[slot] = sum;
    } else this.sums[slot] = total;
  }

  results(slot: number): readonly Reduced[] {
    const count = this.counts[slot] ?? 0;
    if (count === 0) return [];
    const carry = this.carries[slot];
    const sum = this.sums[slot] ?? 0;
    if (this.mean) return aggregate((carry === undefined ? sum : Number(carry) + sum) / count);
    return aggregate(carry === undefined ? sum : fromBig(BigInt.asIntN(64, carry + BigInt(sum))));
  }
}

/** min, max, first, last: the value and the point that has it. Equal candidates: InfluxDB's order (call_iterator.go). */
class SelectingReducer implements Reducer {
  readonly type: FieldType;
  readonly addSummary?: (slot: number, summary: Summary, series: number) => void;
  private readonly name: 'min' | 'max' | 'first' | 'last';
  private readonly values: Scalar[] = [];
  private readonly times: number[] = [];
  private readonly nanos: number[] = [];
  private readonly series: number[] = [];

  constructor(name: 'min' | 'max' | 'first' | 'last', type: FieldType) {
    this.name = name;
    this.type = type;
    if (type === 'float' || type === 'int') {
      this.addSummary = (slot, summary, series) => {
        const time = name === 'last' ? summary.lastTime : summary.firstTime;
        if (summary.count > 0) this.offer(slot, summary[name], time, 0, series);
      };
    }
  }

  add(slot: number, run: Run): void {
    const row = this.name === 'first' || this.name === 'last' ? this.edge(run) : this.extreme(run);
    if (row === -1) return;
    const value = valueAt(run.column, row);
    if (value !== null) this.offer(slot, value, run.block.times[row] ?? 0, run.block.nanos?.[row] ?? 0, run.series);
  }

  private edge({ column, mask, from, to }: Run): number {
    const { valid } = column;
    const step = this.name === 'first' ? 1 : -1;
    for (let i = step === 1 ? from : to - 1; i >= from && i < to; i += step) {
      if ((valid === null || valid[i] !== 0) && (mask === null || mask[i] !== 0)) return i;
    }
    return -1;
  }

  private extreme({ column, mask, from, to }: Run): number {
    if (column.type === 'string') return -1;
    const { valid } = column;
    const values: Float64Array | BigInt64Array = column.type === 'int' && column.big !== null ? column.big : column.values;
    const least = this.name === 'min';
    let found = -1;
    for (let i = from; i < to; i++) {
      if ((valid !== null && valid[i] === 0) || (mask !== null && mask[i] === 0)) continue;
      if (found === -1 || (least ? (values[i] as number) < (values[found] as number) : (values[i] as number) > (values[found] as number))) {
        found = i;
      }
    }
    return found;
  }

  offer(slot: number, value: Scalar, ms: number, nanos: number, series: number): void {
    const held = this.values[slot];
    if (held !== undefined && !this.wins(value, ms, nanos, held, slot)) return;
    this.values[slot] = value;
    this.times[slot] = ms;
    this.nanos[slot] = nanos;
    this.series[slot] = series;
  }

  private wins(value: Scalar, ms: number, nanos: number, held: Scalar, slot: number): boolean {
    const later = ms - (this.times[slot] ?? 0) || nanos - (this.nanos[slot] ?? 0);
    const greater = compareValues(value, held);
    switch (this.name) {
      case 'min':
        return greater < 0 || (greater === 0 && later < 0);
      case 'max':
        return greater > 0 || (greater === 0 && later < 0);
      case 'first':
        return later < 0 || (later === 0 && (this.type === 'bool' ? greater < 0 : greater > 0));
      case 'last':
        return later > 0 || (later === 0 && greater > 0);
    }
  }

  results(slot: number): readonly Reduced[] {
    const value = this.values[slot];
    if (value === undefined) return [];
    return [{ value, ms: this.times[slot] ?? 0, nanos: this.nanos[slot] ?? 0, series: this.series[slot] ?? 0 }];
  }
}

class SpreadReducer implements Reducer {
  readonly type: FieldType;
  private readonly least: SelectingReducer;
  private readonly most: SelectingReducer;

  constructor(type: FieldType) {
    this.type = type;
    this.least = new SelectingReducer('min', type);
    this.most = new SelectingReducer('max', type);
  }

  add(slot: number, run: Run): void {
    this.least.add(slot, run);
    this.most.add(slot, run);
  }

  addSummary(slot: number, summary: Summary, series: number): void {
    this.least.addSummary?.(slot, summary, series);
    this.most.addSummary?.(slot, summary, series);
  }

  results(slot: number): readonly Reduced[] {
    const min = this.least.results(slot)[0]?.value;
    const max = this.most.results(slot)[0]?.value;
    if (typeof min === 'bigint' || typeof max === 'bigint')
      return aggregate(fromBig(BigInt.asIntN(64, BigInt(max as bigint) - BigInt(min as bigint))));
    return typeof min === 'number' && typeof max === 'number' ? aggregate(max - min) : [];
  }
}
