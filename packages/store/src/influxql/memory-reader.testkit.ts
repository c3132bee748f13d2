import type { FieldType, FieldValue, PointGroup, Tags } from '@hostwire/model';
import type { Block, RowBlock, Scalar, SeriesReader, SeriesRef, Summary, SummaryWanted } from '../series-reader.ts';
import { columnOf } from './subquery-source.ts';
import { compareValues, type Value, valueAt } from './values.ts';

interface Row {
  readonly ms: number;
  readonly nanos: number;
  readonly fields: Record<string, FieldValue>;
}

interface Series extends SeriesRef {
  readonly measurement: string;
  readonly rows: Row[];
}

interface Database {
  readonly fields: Map<string, Map<string, FieldType>>;
  readonly series: Map<string, Series>;
}

/** A SeriesReader over plain objects: slow, obvious, for tests. Cuts its answers into blocks of `blockRows` rows. */
export class MemoryReader implements SeriesReader {
  /** How many summaries it has given instead of rows. */
  summarised = 0;
  private readonly all = new Map<string, Database>();
  private readonly blockRows: number;

  constructor(blockRows = 7) {
    this.blockRows = blockRows;
  }

  createDatabase(name: string): void {
    if (!this.all.has(name)) this.all.set(name, { fields: new Map(), series: new Map() });
  }

  write(groups: readonly PointGroup[]): void {
    for (const group of groups) {
      this.createDatabase(group.database);
      const database = this.all.get(group.database) as Database;
      for (const { measurement, tags, fields, types } of group.points) {
        const known = database.fields.get(measurement) ?? new Map<string, FieldType>();
        database.fields.set(measurement, known);
        for (const [name, value] of Object.entries(fields))
          known.set(name, known.get(name) ?? (Object.hasOwn(types, name) ? types[name] : undefined) ?? typeOf(value));
        const key = JSON.stringify([measurement, Object.entries(tags).sort()]);
        const series = database.series.get(key) ?? { sid: database.series.size, measurement, tags: tags as Tags, rows: [] };
        database.series.set(key, series);
        merge(series.rows, { ms: group.time, nanos: group.nanos ?? 0, fields: { ...fields } });
      }
    }
  }

  databases(): string[] {
    return [...this.all.keys()].sort();
  }

  measurements(database: string): string[] {
    return [...(this.all.get(database)?.fields.keys() ?? [])].sort();
  }

  fields(database: string, measurement: string): ReadonlyMap<string, FieldType> {
    return this.all.get(database)?.fields.get(measurement) ?? new Map();
  }

  series(database: string, measurement: string): readonly SeriesRef[] {
    const all = [...(this.all.get(database)?.series.values() ?? [])];
    return all.filter((series) => series.measurement === measurement).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  *scan(ref: SeriesRef, fields: readonly string[], fromMs: number, toMs: number, summaries?: SummaryWanted): Iterable<Block> {
    const { rows, measurement } = ref as Series;
    const types = this.typesOf(ref as Series, measurement);
    const wanted = rows.filter((row) => row.ms >= fromMs && row.ms <= toMs && fields.some((field) => Object.hasOwn(row.fields, field)));
    for (let at = 0; at < wanted.length; at += this.blockRows) {
      const block = blockOf(wanted.slice(at, at + this.blockRows), fields, types);
      const t0 = block.times[0] ?? 0;
      const t1 = block.times[block.n - 1] ?? 0;
      const numeric = fields.every((field) => ['int', 'float', undefined].includes(types.get(field)));
      const given =
        numeric && block.nanos === null && summaries?.(t0, t1) === true ? block.columns.map((_, column) => summaryOf(block, column)) : null;
      if (given?.every((summary) => summary === null || Math.abs(summary.sum) < 2 ** 53) === true) {
        this.summarised++;
        yield { kind: 'summary', t0, t1, summaries: given };
      } else yield block;
    }
  }

  last(ref: SeriesRef, field: string, fromMs: number, toMs: number): { time: number; nanos: number; value: Scalar } | null {
    const row = (ref as Series).rows.findLast(({ ms, fields }) => ms >= fromMs && ms <= toMs && Object.hasOwn(fields, field));
    const value = row?.fields[field];
    return row === undefined || value === undefined ? null : { time: row.ms, nanos: row.nanos, value };
  }

  private typesOf(series: Series, measurement: string): ReadonlyMap<string, FieldType> {
    for (const database of this.all.values()) {
      for (const candidate of database.series.values()) if (candidate === series) return database.fields.get(measurement) ?? new Map();
    }
    return new Map();
  }
}

function keyOf(series: Series): string {
  return Object.keys(series.tags)
    .sort()
    .map((key) => `${key}=${series.tags[key]}`)
    .join(',');
}

function typeOf(value: FieldValue): FieldType {
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'number' ? 'float' : typeof value === 'boolean' ? 'bool' : 'string';
}

function merge(rows: Row[], row: Row): void {
  const same = rows.find(({ ms, nanos }) => ms === row.ms && nanos === row.nanos);
  if (same !== undefined) Object.assign(same.fields, row.fields);
  else {
    rows.push(row);
    rows.sort((a, b) => a.ms - b.ms || a.nanos - b.nanos);
  }
}

function blockOf(rows: readonly Row[], fields: readonly string[], types: ReadonlyMap<string, FieldType>): RowBlock {
  return {
    kind: 'rows',
    n: rows.length,
    times: Float64Array.from(rows, ({ ms }) => ms),
    nanos: rows.some(({ nanos }) => nanos !== 0) ? Int32Array.from(rows, ({ nanos }) => nanos) : null,
    columns: fields.map((field) => {
      const values: Value[] = rows.map((row) => (Object.hasOwn(row.fields, field) ? (row.fields[field] ?? null) : null));
      if (values.every((value) => value === null)) return null;
      return columnOf(types.get(field) ?? 'float', values);
    }),
  };
}

function summaryOf(block: RowBlock, at: number): Summary | null {
  const column = block.columns[at] ?? null;
  if (column === null) return null;
  const points = [...block.times]
    .map((time, i) => ({ time, value: Number(valueAt(column, i) ?? Number.NaN) }))
    .filter(({ value }) => !Number.isNaN(value));
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return null;
  const values = points.map(({ value }) => value).sort(compareValues);
  return {
    count: points.length,
    min: values[0] ?? 0,
    max: values.at(-1) ?? 0,
    sum: points.reduce((sum, { value }) => sum + value, 0),
    first: first.value,
    firstTime: first.time,
    last: last.value,
    lastTime: last.time,
  };
}
