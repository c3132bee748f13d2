import type { FieldType } from '@hostwire/model';
import type { Column } from '../series-reader.ts';
import type { Times } from './chunk.ts';

/** Rows of one series, in order of time, one a time. Columns by field id; those without any value are left out. */
export interface MergedSeries extends Times {
  readonly columns: ReadonlyMap<number, Column>;
}

/** The values of one field, as they came. */
export class ColumnBuilder {
  readonly type: FieldType;
  values: Float64Array;
  valid: Uint8Array;
  big: BigInt64Array | null = null;
  readonly texts: string[] = [];
  count = 0;

  constructor(type: FieldType, capacity: number) {
    this.type = type;
    this.values = new Float64Array(type === 'string' ? 0 : capacity);
    this.valid = new Uint8Array(capacity);
  }

  grow(capacity: number): void {
    if (this.type !== 'string') {
      const values = new Float64Array(capacity);
      values.set(this.values);
      this.values = values;
    }
    const valid = new Uint8Array(capacity);
    valid.set(this.valid);
    this.valid = valid;
    if (this.big !== null) {
      const big = new BigInt64Array(capacity);
      big.set(this.big);
      this.big = big;
    }
  }

  setNumber(row: number, value: number): void {
    this.values[row] = value;
    this.valid[row] = 1;
    this.count++;
    if (this.big !== null) this.big[row] = BigInt(value);
  }

  setBig(row: number, value: bigint): void {
    if (this.big === null) {
      const number = Number(value);
      if (Number.isSafeInteger(number)) {
        this.setNumber(row, number);
        return;
      }
      this.big = new BigInt64Array(this.values.length);
      for (let i = 0; i < row; i++) this.big[i] = BigInt(this.values[i] as number);
    }
    this.big[row] = value;
    this.valid[row] = 1;
    this.count++;
  }

  setText(row: number, value: string): void {
    while (this.texts.length < row) this.texts.push('');
    this.texts[row] = value;
    this.valid[row] = 1;
    this.count++;
  }
}

/**
 * Puts rows of one series together that come in order of precedence (the old chunk, then hot rows by id): for each time
 * and field the one added last wins; a field without a value leaves the earlier one standing.
 */
export class SeriesBuilder {
  #capacity: number;
  #times: Float64Array;
  #nanos: Int32Array | null = null;
  #ordered = true;
  readonly #columns = new Map<number, ColumnBuilder>();
  n = 0;

  constructor(capacity = 64) {
    this.#capacity = capacity;
    this.#times = new Float64Array(capacity);
  }

  /** Adds a row; returns its number, for the column builders. */
  row(time: number, nanos: number): number {
    const { n } = this;
    if (n === this.#capacity) this.#grow();
    if (nanos !== 0 && this.#nanos === null) this.#nanos = new Int32Array(this.#capacity);
    if (n > 0) {
      const before = this.#times[n - 1] as number;
      if (time < before || (time === before && nanos <= (this.#nanos?.[n - 1] ?? 0))) this.#ordered = false;
    }
    this.#times[n] = time;
    if (this.#nanos !== null) this.#nanos[n] = nanos;
    this.n = n + 1;
    return n;
  }

  column(field: number, type: FieldType): ColumnBuilder {
    let column = this.#columns.get(field);
    if (column === undefined) {
      column = new ColumnBuilder(type, this.#capacity);
      this.#columns.set(field, column);
    }
    return column;
  }

  /** Adds rows that are merged already. */
  add(rows: Times, columns: ReadonlyMap<number, Column>): void {
    const first = this.n;
    for (let i = 0; i < rows.n; i++) this.row(rows.times[i] as number, rows.nanos?.[i] ?? 0);
    for (const [field, column] of columns) {
      const target = this.column(field, column.type);
      for (let i = 0; i < rows.n; i++) {
        if (column.valid !== null && column.valid[i] !== 1) continue;
        if (column.type === 'string') target.setText(first + i, column.values[i] as string);
        else if (column.type === 'int' && column.big !== null) target.setBig(first + i, column.big[i] as bigint);
        else target.setNumber(first + i, column.values[i] as number);
      }
    }
  }

  finish(): MergedSeries {
    if (this.#ordered) return this.#asTheyCame();
    const { n } = this;
    const times = this.#times;
    const nanos = this.#nanos;
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    order.sort((a, b) => (times[a] as number) - (times[b] as number) || (nanos?.[a] ?? 0) - (nanos?.[b] ?? 0) || a - b);
    /** For each row as it came, the row that it becomes. */
    const target = new Uint32Array(n);
    const mergedTimes = new Float64Array(n);
    const mergedNanos = nanos === null ? null : new Int32Array(n);
    let count = 0;
    for (const i of order) {
      const time = times[i] as number;
      const rest = nanos?.[i] ?? 0;
      if (count === 0 || mergedTimes[count - 1] !== time || (mergedNanos?.[count - 1] ?? 0) !== rest) {
        mergedTimes[count] = time;
        if (mergedNanos !== null) mergedNanos[count] = rest;
        count++;
      }
      target[i] = count - 1;
    }
    const columns = new Map<number, Column>();
    for (const [field, column] of this.#columns) {
      if (column.count > 0) columns.set(field, toColumn(moved(column, target, n, count), count));
    }
    return { n: count, times: mergedTimes, nanos: mergedNanos, columns };
  }

  #asTheyCame(): MergedSeries {
    const columns = new Map<number, Column>();
    for (const [field, column] of this.#columns) if (column.count > 0) columns.set(field, toColumn(column, this.n));
    return { n: this.n, times: this.#times, nanos: this.#nanos, columns };
  }

  #grow(): void {
    this.#capacity *= 2;
    const times = new Float64Array(this.#capacity);
    times.set(this.#times);
    this.#times = times;
    if (this.#nanos !== null) {
      const nanos = new Int32Array(this.#capacity);
      nanos.set(this.#nanos);
      this.#nanos = nanos;
    }
    for (const column of this.#columns.values()) column.grow(this.#capacity);
  }
}

function moved(column: ColumnBuilder, target: Uint32Array, n: number, count: number): ColumnBuilder {
  const result = new ColumnBuilder(column.type, count);
  if (column.big !== null) result.big = new BigInt64Array(count);
  if (column.type === 'string') while (result.texts.length < count) result.texts.push('');
  // In the order they came, so that the last one stays.
  for (let i = 0; i < n; i++) {
    if (column.valid[i] !== 1) continue;
    const to = target[i] as number;
    if (result.valid[to] !== 1) result.count++;
    result.valid[to] = 1;
    if (column.type === 'string') result.texts[to] = column.texts[i] as string;
    else if (column.big !== null && result.big !== null) result.big[to] = column.big[i] as bigint;
    else result.values[to] = column.values[i] as number;
  }
  return result;
}

function toColumn(column: ColumnBuilder, n: number): Column {
  const valid = column.count === n ? null : column.valid;
  switch (column.type) {
    case 'string':
      while (column.texts.length < n) column.texts.push('');
      return { type: 'string', values: column.texts, valid };
    case 'int':
      return { type: 'int', values: column.values, big: column.big, valid };
    case 'float':
    case 'bool':
      return { type: column.type, values: column.values, valid };
  }
}
