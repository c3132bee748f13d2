import type { FieldType, Tags } from '@hostwire/model';
import type { Block, Scalar, SeriesReader, SeriesRef, SummaryWanted } from '../series-reader.ts';

/** What a SELECT reads under one name: a measurement, or the result of a subquery. */
export interface Source {
  readonly name: string;
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly series: readonly SeriesRef[];
  scan(series: SeriesRef, fields: readonly string[], fromMs: number, toMs: number, summaries?: SummaryWanted): Iterable<Block>;
  last(series: SeriesRef, field: string, fromMs: number, toMs: number): { time: number; nanos: number; value: Scalar } | null;
}

export function measurementSource(reader: SeriesReader, database: string, name: string): Source {
  return {
    name,
    fields: reader.fields(database, name),
    series: reader.series(database, name),
    scan: (series, fields, fromMs, toMs, summaries) => reader.scan(series, fields, fromMs, toMs, summaries),
    last: (series, field, fromMs, toMs) => reader.last(series, field, fromMs, toMs),
  };
}

/** A tag's value, the empty string if the series lacks it. Names come from queries: `constructor` must not find the prototype's. */
export function tagOf(tags: Tags, name: string): string {
  return Object.hasOwn(tags, name) ? (tags[name] ?? '') : '';
}

/** All tag keys of the sources, sorted. */
export function tagKeys(sources: readonly Source[]): readonly string[] {
  const keys = new Set<string>();
  for (const source of sources) for (const series of source.series) for (const key of Object.keys(series.tags)) keys.add(key);
  return [...keys].sort();
}

/** All fields of the sources with the type that serves all of them: float before int before string before bool. */
export function allFields(sources: readonly Source[]): ReadonlyMap<string, FieldType> {
  const order: readonly FieldType[] = ['float', 'int', 'string', 'bool'];
  const fields = new Map<string, FieldType>();
  for (const source of sources) {
    for (const [name, type] of source.fields) {
      const known = fields.get(name);
      if (known === undefined || order.indexOf(type) < order.indexOf(known)) fields.set(name, type);
    }
  }
  return fields;
}
