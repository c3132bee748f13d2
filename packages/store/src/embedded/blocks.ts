import type { Block, Column, RowBlock, Scalar } from '../series-reader.ts';
import type { Times } from './chunk.ts';
import type { Field } from './dictionary.ts';
import { lowerBound } from './hot-directory.ts';

/** Rows with a column for each field that was asked for. */
export interface Rows extends Times {
  readonly columns: readonly (Column | null)[];
}

export function* present(block: Block | null): Iterable<Block> {
  if (block !== null) yield block;
}

/** The columns of the fields asked for, in their order. */
export function columnList(fields: readonly (Field | null)[], columns: ReadonlyMap<number, Column>): (Column | null)[] {
  return fields.map((field) => (field === null ? null : (columns.get(field.id) ?? null)));
}

/** The same by field id. */
export function columnMap(fields: readonly (Field | null)[], columns: readonly (Column | null)[]): Map<number, Column> {
  const map = new Map<number, Column>();
  fields.forEach((field, i) => {
    const column = columns[i];
    if (field !== null && column != null) map.set(field.id, column);
  });
  return map;
}

/** Rows with from <= time <= to; null if there are none, or none has a value. */
export function cut(rows: Rows, from: number, to: number): RowBlock | null {
  return slice(rows, lowerBound(rows.times, from, rows.n), lowerBound(rows.times, to + 1, rows.n));
}

/** Rows first <= i < end; null if there are none, or none has a value. */
export function slice(rows: Rows, first: number, end: number): RowBlock | null {
  if (first >= end || rows.columns.every((column) => column === null)) return null;
  if (first === 0) return { kind: 'rows', n: end, times: rows.times, nanos: rows.nanos, columns: rows.columns };
  return {
    kind: 'rows',
    n: end - first,
    times: rows.times.subarray(first, end),
    nanos: rows.nanos?.subarray(first, end) ?? null,
    columns: rows.columns.map((column) => (column === null ? null : sliceColumn(column, first, end))),
  };
}

function sliceColumn(column: Column, first: number, end: number): Column {
  const valid = column.valid?.subarray(first, end) ?? null;
  switch (column.type) {
    case 'string':
      return { type: 'string', values: column.values.slice(first, end), valid };
    case 'int':
      return { type: 'int', values: column.values.subarray(first, end), big: column.big?.subarray(first, end) ?? null, valid };
    case 'float':
    case 'bool':
      return { type: column.type, values: column.values.subarray(first, end), valid };
  }
}

/** The value of row i, or null. */
export function valueAt(column: Column, i: number): Scalar | null {
  if (column.valid !== null && column.valid[i] !== 1) return null;
  switch (column.type) {
    case 'string':
      return column.values[i] as string;
    case 'bool':
      return column.values[i] === 1;
    case 'int':
      return column.big === null ? (column.values[i] as number) : narrowed(column.big[i] as bigint);
    case 'float':
      return column.values[i] as number;
  }
}

/** A number where that is exact. */
export function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
