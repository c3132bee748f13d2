import type { FieldType, Tags } from '@hostwire/model';
import { parseSeriesKey } from './series-key.ts';
import { decodeShape, type Shape } from './shape.ts';

/** What the rows of hot.db's dictionary tables hold, as it travels between threads. Ids are given by the main thread. */
export interface Entries {
  databases: DatabaseRow[];
  fields: FieldRow[];
  groups: GroupRow[];
  series: SeriesRow[];
  shapes: ShapeRow[];
}
export type DatabaseRow = readonly [id: number, name: string];
export type FieldRow = readonly [id: number, database: number, measurement: string, name: string, type: FieldType];
export type GroupRow = readonly [id: number, database: number, source: string];
export type SeriesRow = readonly [sid: number, database: number, key: string, group: number];
export type ShapeRow = readonly [id: number, blob: Uint8Array];

export function noEntries(): Entries {
  return { databases: [], fields: [], groups: [], series: [], shapes: [] };
}

export interface Field {
  readonly id: number;
  readonly name: string;
  readonly type: FieldType;
}

export interface Series {
  readonly sid: number;
  readonly tags: Tags;
  readonly group: number;
  readonly measurement: Measurement;
}

export interface Measurement {
  readonly name: string;
  readonly fields: Map<string, Field>;
  readonly series: Series[];
}

export interface Database {
  readonly id: number;
  readonly name: string;
  readonly measurements: Map<string, Measurement>;
}

/** Names and ids of everything that is stored, in memory. Each thread has its own; entries only ever come. */
export class Dictionary {
  readonly databases = new Map<string, Database>();
  readonly #databasesById = new Map<number, Database>();
  readonly fields = new Map<number, Field>();
  readonly series = new Map<number, Series>();
  readonly shapes = new Map<number, Shape>();

  /** Adds entries; those that refer to others must come after them, or in the same call. */
  add(entries: Entries): void {
    for (const [id, name] of entries.databases) this.addDatabase(id, name);
    for (const [id, database, measurement, name, type] of entries.fields) this.addField(id, database, measurement, name, type);
    for (const [sid, database, key, group] of entries.series) {
      const { measurement, tags } = parseSeriesKey(key);
      this.addSeries(sid, database, measurement, tags, group);
    }
    for (const [id, blob] of entries.shapes) this.addShape(decodeShape(id, blob, (field) => this.fields.get(field)?.type ?? 'float'));
  }

  addDatabase(id: number, name: string): Database {
    const database: Database = { id, name, measurements: new Map() };
    this.databases.set(name, database);
    this.#databasesById.set(id, database);
    return database;
  }

  addField(id: number, database: number, measurement: string, name: string, type: FieldType): Field {
    const field: Field = { id, name, type };
    this.fields.set(id, field);
    this.measurement(database, measurement).fields.set(name, field);
    return field;
  }

  addSeries(sid: number, database: number, measurement: string, tags: Tags, group: number): Series {
    const of = this.measurement(database, measurement);
    const series: Series = { sid, tags, group, measurement: of };
    this.series.set(sid, series);
    of.series.push(series);
    return series;
  }

  addShape(shape: Shape): void {
    this.shapes.set(shape.id, shape);
  }

  /** The measurement of that name, made if it is new. The database must be known. */
  measurement(database: number, name: string): Measurement {
    const of = this.#databasesById.get(database);
    if (of === undefined) throw new Error(`dictionary: database ${database} is not known`);
    let measurement = of.measurements.get(name);
    if (measurement === undefined) {
      measurement = { name, fields: new Map(), series: [] };
      of.measurements.set(name, measurement);
    }
    return measurement;
  }
}
