import type { Tags } from '@hostwire/model';
import type { SeriesReader, SeriesRef } from '../series-reader.ts';
import { type QuerySeries, type QueryValue, StoreError } from '../series-store.ts';
import type { Show, ShowFilter } from './ast.ts';
import { filterFor } from './predicate.ts';
import { measurementsOf, RETENTION_POLICY } from './select.ts';
import { type Source, tagOf } from './sources.ts';
import { splitTime } from './time-range.ts';
import { typeName } from './values.ts';

export interface ShowContext {
  readonly reader: SeriesReader;
  readonly database: string;
  readonly nowNs: bigint;
}

/** Runs a SHOW. Answers have the names, columns and order of InfluxDB 1.x. Throws StoreError `query`. */
export function runShow(show: Show, context: ShowContext): readonly QuerySeries[] {
  switch (show.kind) {
    case 'show-databases':
      return [{ name: 'databases', columns: ['name'], values: context.reader.databases().map((name) => [name]) }];
    case 'show-retention-policies':
      databaseOf(show.database, context);
      return [showRetention()];
    case 'show-measurements':
      // InfluxDB answers nothing at all here where its other statements say that there is no such database.
      if (show.database !== null && !context.reader.databases().includes(show.database)) return [];
      return nonEmpty(
        'measurements',
        ['name'],
        page(
          show,
          matching(show, context).map(({ source }) => [source.name]),
        ),
      );
    case 'show-series':
      return nonEmpty('', ['key'], page(show, seriesKeys(show, context)));
    case 'show-tag-keys':
      return perMeasurement(show, context, ['tagKey'], (matches) => keysOf(matches).map((key) => [key]));
    case 'show-field-keys':
      return perMeasurement(show, context, ['fieldKey', 'fieldType'], (_, source) => fieldKeys(source));
    case 'show-tag-values':
      return perMeasurement(show, context, ['key', 'value'], (matches) => tagValues(matches, show.keys));
  }
}

function databaseOf(named: string | null, context: ShowContext): string {
  const database = named ?? context.database;
  if (database === '') throw new StoreError('query', 'database name required');
  if (!context.reader.databases().includes(database)) throw new StoreError('query', `database not found: ${database}`);
  return database;
}

function showRetention(): QuerySeries {
  return {
    name: '',
    columns: ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'],
    values: [[RETENTION_POLICY, '0s', '168h0m0s', 1, true]],
  };
}

interface Match {
  readonly source: Source;
  readonly series: readonly SeriesRef[];
}

/** Measurements with the series that the WHERE leaves; those with none are left out. Field conditions cannot be decided here. */
function matching(show: ShowFilter, context: ShowContext): readonly Match[] {
  const database = databaseOf(show.database, context);
  const sources = show.sources.length === 0 ? [{ kind: 'measurement' as const, regex: /(?:)/ }] : show.sources;
  const { condition } = splitTime(show.where, context.nowNs, null);
  const found = new Map<string, Match>();
  for (const named of sources) {
    for (const source of measurementsOf(named, { ...context, database: named.database ?? database })) {
      const series = source.series.filter((ref) => filterFor(condition, source, ref.tags) !== 'none');
      if (series.length > 0) found.set(source.name, { source, series });
    }
  }
  return [...found.values()].sort((a, b) => (a.source.name < b.source.name ? -1 : 1));
}

function page<T>(show: ShowFilter, rows: readonly T[]): readonly T[] {
  return rows.slice(show.offset, show.limit > 0 ? show.offset + show.limit : rows.length);
}

function nonEmpty(name: string, columns: readonly string[], values: readonly (readonly QueryValue[])[]): readonly QuerySeries[] {
  return values.length === 0 ? [] : [{ name, columns, values }];
}

function perMeasurement(
  show: ShowFilter,
  context: ShowContext,
  columns: readonly string[],
  rows: (matches: readonly SeriesRef[], source: Source) => readonly (readonly QueryValue[])[],
): readonly QuerySeries[] {
  return matching(show, context).flatMap(({ source, series }) => nonEmpty(source.name, columns, page(show, rows(series, source))));
}

function keysOf(series: readonly SeriesRef[]): readonly string[] {
  return [...new Set(series.flatMap((ref) => Object.keys(ref.tags)))].sort();
}

function fieldKeys(source: Source): readonly (readonly QueryValue[])[] {
  return [...source.fields].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => [name, typeName(type)]);
}

function tagValues(series: readonly SeriesRef[], keys: (Show & { kind: 'show-tag-values' })['keys']): readonly (readonly QueryValue[])[] {
  const wanted = keysOf(series).filter((key) => {
    const matches = 'names' in keys ? keys.names.includes(key) : keys.regex.test(key);
    return matches === (keys.op === '=' || keys.op === '=~');
  });
  return wanted.flatMap((key) => {
    const values = new Set(series.map((ref) => tagOf(ref.tags, key)).filter((value) => value !== ''));
    return [...values].sort().map((value) => [key, value]);
  });
}

function seriesKeys(show: ShowFilter, context: ShowContext): readonly (readonly QueryValue[])[] {
  const keys = matching(show, context).flatMap(({ source, series }) => series.map((ref) => seriesKey(source.name, ref.tags)));
  return keys.sort().map((key) => [key]);
}

/** As in line protocol: name and sorted tags, escaped. */
function seriesKey(measurement: string, tags: Tags): string {
  const escaped = (text: string) => text.replace(/[,= ]/g, '\\$&');
  const parts = Object.keys(tags)
    .sort()
    .map((key) => `,${escaped(key)}=${escaped(tags[key] ?? '')}`);
  return measurement.replace(/[, ]/g, '\\$&') + parts.join('');
}
