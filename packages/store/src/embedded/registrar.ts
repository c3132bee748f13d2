import type { FieldType, Tags } from '@hostwire/model';
import { type Database, Dictionary, type Entries, type Field, noEntries, type Series } from './dictionary.ts';
import type { SegmentPlan } from './segment-plan.ts';
import { wellFormed } from './series-key.ts';
import { columnOf, encodeShape, makeShape, type Shape, type ShapeField } from './shape.ts';

/** More fields than this in one measurement are refused: whoever writes them puts values where names belong. */
const MAX_FIELDS = 10_000;
/** Sets of series that arrive together, in one measurement of one group. Beyond it each series gets a shape of its own. */
const MAX_SHAPES = 256;
/** A shape is widened by fields that were there before, unless more than this part of it would stay empty. */
const MAX_SPARSENESS = 4;
/** Shapes of the same series. Beyond it no sparse one is made: a field that most rows lack gets a shape of its own. */
const MAX_SHAPES_OF_SERIES = 16;

/** The series of one source. Its rows hold all that arrived together. */
export interface Group {
  readonly id: number;
  readonly database: DatabaseState;
  /** Measurement -> its shapes. */
  readonly shapes: Map<string, MeasurementShapes>;
  /** What the segments of the last rows looked like, in order: the next row most likely looks the same. */
  sequence: SegmentPlan[];
  /** Measurement -> what its segments looked like lately. */
  readonly plans: Map<string, SegmentPlan[]>;
}

interface MeasurementShapes {
  count: number;
  /** Series, joined by comma -> shapes, the widest last; without those of `single`. */
  readonly bySeries: Map<string, Shape[]>;
  /** `<series>:<field>` -> the shape that is nothing else. */
  readonly single: Map<string, Shape>;
}

export interface DatabaseState {
  readonly database: Database;
  readonly groups: Map<string, Group>;
  readonly seriesByKey: Map<string, Series>;
}

/** Gives ids to whatever is new; what it gave travels to the writer with the next batch. Main thread only. */
export class Registrar {
  readonly dictionary = new Dictionary();
  readonly #databases = new Map<string, DatabaseState>();
  readonly #groups = new Map<number, Group>();
  #pending: Entries = noEntries();
  #hasPending = false;
  readonly #next = { database: 1, field: 1, group: 1, series: 1, shape: 1 };

  /** `lastSid`: the highest series id ever given; ids of forgotten series are never given again. */
  constructor(entries: Entries, lastSid: number) {
    const { dictionary } = this;
    dictionary.add(entries);
    const byId = new Map<number, DatabaseState>();
    for (const [id, name] of entries.databases) {
      const state: DatabaseState = { database: dictionary.databases.get(name) as Database, groups: new Map(), seriesByKey: new Map() };
      this.#databases.set(name, state);
      byId.set(id, state);
    }
    for (const [id, database, source] of entries.groups) this.#addGroup(id, byId.get(database) as DatabaseState, source);
    for (const [sid, database, key] of entries.series) byId.get(database)?.seriesByKey.set(key, dictionary.series.get(sid) as Series);
    for (const shape of dictionary.shapes.values()) this.#addShape(shape);
    const last = (rows: readonly (readonly [number, ...unknown[]])[]): number => rows.reduce((max, [id]) => Math.max(max, id), 0) + 1;
    this.#next = {
      database: last(entries.databases),
      field: last(entries.fields),
      group: last(entries.groups),
      series: Math.max(last(entries.series), lastSid + 1),
      shape: last(entries.shapes),
    };
  }

  /** True if something is new that the writer was not given yet. */
  get hasPending(): boolean {
    return this.#hasPending;
  }

  /** What came since the last call, for the writer; null if nothing did. */
  takePending(): Entries | null {
    if (!this.#hasPending) return null;
    const pending = this.#pending;
    this.#pending = noEntries();
    this.#hasPending = false;
    return pending;
  }

  database(name: string): DatabaseState {
    let state = this.#databases.get(name);
    if (state !== undefined) return state;
    const known = this.#databases.get(wellFormed(name));
    if (known !== undefined) return known;
    const id = this.#next.database++;
    state = { database: this.dictionary.addDatabase(id, wellFormed(name)), groups: new Map(), seriesByKey: new Map() };
    this.#databases.set(state.database.name, state);
    this.#pending.databases.push([id, state.database.name]);
    this.#hasPending = true;
    return state;
  }

  group(state: DatabaseState, source: string): Group {
    const known = state.groups.get(source) ?? state.groups.get(wellFormed(source));
    if (known !== undefined) return known;
    const id = this.#next.group++;
    this.#pending.groups.push([id, state.database.id, wellFormed(source)]);
    this.#hasPending = true;
    return this.#addGroup(id, state, wellFormed(source));
  }

  groupById(id: number): Group {
    return this.#groups.get(id) as Group;
  }

  /** Null: the measurement has as many fields as it may. */
  field(state: DatabaseState, measurement: string, name: string, type: FieldType): Field | null {
    const fields = state.database.measurements.get(wellFormed(measurement))?.fields;
    const known = fields?.get(name) ?? fields?.get(wellFormed(name));
    if (known !== undefined) return known;
    if ((fields?.size ?? 0) >= MAX_FIELDS) return null;
    const id = this.#next.field++;
    const row = [id, state.database.id, wellFormed(measurement), wellFormed(name), type] as const;
    this.#pending.fields.push(row);
    this.#hasPending = true;
    return this.dictionary.addField(...row);
  }

  /** A series that is not known yet, by its key (seriesKey). */
  addSeries(group: Group, key: string, measurement: string, tags: Tags): Series {
    const sid = this.#next.series++;
    const own: Record<string, string> = Object.create(null);
    for (const name of Object.keys(tags).sort()) if (tags[name] !== '') own[wellFormed(name)] = wellFormed(tags[name] as string);
    const series = this.dictionary.addSeries(sid, group.database.database.id, wellFormed(measurement), own, group.id);
    group.database.seriesByKey.set(key, series);
    this.#pending.series.push([sid, group.database.database.id, key, group.id]);
    this.#hasPending = true;
    return series;
  }

  /**
   * A shape of exactly these series (ascending) with at least these fields. Null if it would be mostly empty and there are
   * many already: then they are to be written apart, those of `common` together and each other field alone.
   */
  shape(group: Group, measurement: string, sids: readonly number[], fields: ReadonlyMap<number, ShapeField>, cells: number): Shape | null {
    const of = group.shapes.get(measurement);
    const [first] = fields.keys();
    const single = sids.length === 1 && fields.size === 1 ? of?.single.get(`${sids[0]}:${first}`) : undefined;
    if (single !== undefined) return single;
    const known = of?.bySeries.get(sids.join()) ?? [];
    let fitting: Shape | undefined;
    for (const shape of known) {
      if (fitting !== undefined && shape.fields.length >= fitting.fields.length) continue;
      if ([...fields.keys()].every((field) => columnOf(shape, field) >= 0)) fitting = shape;
    }
    if (fitting !== undefined) return fitting;
    const widened = new Map(fields);
    for (const field of known.at(-1)?.fields ?? []) widened.set(field.id, field);
    const sparse = widened.size * sids.length > MAX_SPARSENESS * cells;
    if (sparse && known.length >= MAX_SHAPES_OF_SERIES && sids.length * fields.size > 1) return null;
    const shape = makeShape(this.#next.shape++, sids, [...(sparse ? fields : widened).values()]);
    this.dictionary.addShape(shape);
    this.#addShape(shape);
    this.#pending.shapes.push([shape.id, encodeShape(shape)]);
    this.#hasPending = true;
    return shape;
  }

  /** Those of these fields of a series that one of its shapes has together, as many as there are. */
  common(group: Group, measurement: string, sid: number, fields: readonly Field[]): ReadonlySet<Field> {
    let most: Field[] = [];
    for (const shape of group.shapes.get(measurement)?.bySeries.get(String(sid)) ?? []) {
      const some = fields.filter(({ id }) => columnOf(shape, id) >= 0);
      if (some.length > most.length) most = some;
    }
    return new Set(most);
  }

  /** True if there are so many combinations of series that no more should get a shape of their own. */
  hasManyShapes(group: Group, measurement: string): boolean {
    return (group.shapes.get(measurement)?.count ?? 0) >= MAX_SHAPES;
  }

  #addGroup(id: number, database: DatabaseState, source: string): Group {
    const group: Group = { id, database, shapes: new Map(), sequence: [], plans: new Map() };
    database.groups.set(source, group);
    this.#groups.set(id, group);
    return group;
  }

  #addShape(shape: Shape): void {
    const series = this.dictionary.series.get(shape.sids[0] as number);
    if (series === undefined) return;
    const { shapes } = this.groupById(series.group);
    let of = shapes.get(series.measurement.name);
    if (of === undefined) {
      of = { count: 0, bySeries: new Map(), single: new Map() };
      shapes.set(series.measurement.name, of);
    }
    if (shape.sids.length > 1) of.count++;
    else if (shape.fields.length === 1) {
      of.single.set(`${shape.sids[0]}:${shape.fields[0]?.id}`, shape);
      return;
    }
    const key = shape.sids.join();
    const same = of.bySeries.get(key);
    if (same === undefined) of.bySeries.set(key, [shape]);
    else same.push(shape);
  }
}
