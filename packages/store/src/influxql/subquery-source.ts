import type { FieldType } from '@hostwire/model';
import type { Column, RowBlock, Scalar, SeriesRef } from '../series-reader.ts';
import type { SeriesRows } from './rows.ts';
import type { SelectResult } from './select.ts';
import type { Source } from './sources.ts';
import type { Value } from './values.ts';

/** The result of a subquery as something to read from: its columns are the fields, its grouping tags the tags. */
export function subquerySources(result: SelectResult): readonly Source[] {
  const fields = new Map<string, FieldType>();
  result.types.forEach((type, i) => {
    const name = result.columns[i + 1];
    if (type !== null && name !== undefined) fields.set(name, type);
  });
  const places = new Map(result.columns.slice(1).map((name, i) => [name, i]));
  const names = [...new Set(result.series.map((series) => series.name))];
  return names.map((name) => {
    const all = result.series.filter((series) => series.name === name);
    return sourceOf(name, fields, places, all);
  });
}

function sourceOf(
  name: string,
  fields: ReadonlyMap<string, FieldType>,
  places: ReadonlyMap<string, number>,
  all: readonly SeriesRows[],
): Source {
  const refs: readonly SeriesRef[] = all.map((series, sid) => ({ sid, tags: series.tags ?? {} }));
  const blockOf = (ref: SeriesRef, wanted: readonly string[]): RowBlock => {
    const rows = all[ref.sid] ?? { times: [], nanos: [], values: [] };
    const order = rows.times
      .map((_, at) => at)
      .sort((a, b) => (rows.times[a] ?? 0) - (rows.times[b] ?? 0) || (rows.nanos[a] ?? 0) - (rows.nanos[b] ?? 0));
    return {
      kind: 'rows',
      n: order.length,
      times: Float64Array.from(order, (at) => rows.times[at] ?? 0),
      nanos: Int32Array.from(order, (at) => rows.nanos[at] ?? 0),
      columns: wanted.map((field) => {
        const type = fields.get(field);
        const place = places.get(field);
        if (type === undefined || place === undefined) return null;
        return columnOf(
          type,
          order.map((at) => rows.values[at]?.[place] ?? null),
        );
      }),
    };
  };
  return {
    name,
    fields,
    series: refs,
    // The subquery has the range of the query around it already; its rows' own times may lie before it.
    scan: (ref, wanted) => [blockOf(ref, wanted)],
    last: (ref, field) => lastOf(all[ref.sid], places.get(field)),
  };
}

function lastOf(rows: SeriesRows | undefined, place: number | undefined): { time: number; nanos: number; value: Scalar } | null {
  let last: { time: number; nanos: number; value: Scalar } | null = null;
  rows?.values.forEach((row, at) => {
    const value = place === undefined ? null : (row[place] ?? null);
    const time = rows.times[at] ?? 0;
    const nanos = rows.nanos[at] ?? 0;
    if (value !== null && (last === null || time > last.time || (time === last.time && nanos >= last.nanos))) last = { time, nanos, value };
  });
  return last;
}

/** Values of one type as a column. */
export function columnOf(type: FieldType, values: readonly Value[]): Column {
  const valid = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null;
  if (type === 'string') return { type, values: values.map((value) => (typeof value === 'string' ? value : '')), valid };
  const numbers = Float64Array.from(values, (value) => (value === null ? 0 : Number(value)));
  if (type !== 'int') return { type, values: numbers, valid };
  const big = values.some((value) => typeof value === 'bigint')
    ? BigInt64Array.from(values, (value) => (typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n))
    : null;
  return { type, values: numbers, big, valid };
}
