import type { FieldType, FieldValue, Point, PointGroup } from '@hostwire/model';
import type { RejectedField } from '../series-store.ts';
import { coerce, typeOfValue } from './coerce.ts';
import type { Field, Series } from './dictionary.ts';
import type { Group, Registrar } from './registrar.ts';
import type { RowWriter } from './row-writer.ts';
import { makePlan, type SegmentPlan, writeByPlan } from './segment-plan.ts';
import { seriesKey } from './series-key.ts';
import { columnOf, rowOf } from './shape.ts';

export interface PackOptions {
  readonly seriesLimit: number;
  /** Points before this time (ms) are refused. */
  readonly oldest: number;
}

/** InfluxDB's range: nanoseconds in an int64. */
const MAX_TIME = 9_223_372_036_854;
/** Plans kept of a measurement of a group. */
const MAX_PLANS = 8;

const INFLUX_TYPES: Readonly<Record<FieldType, string>> = { float: 'float', int: 'integer', string: 'string', bool: 'boolean' };

/** A point whose series and values are known. */
interface Resolved {
  readonly point: Point;
  readonly series: Series;
  readonly values: ReadonlyMap<Field, FieldValue>;
  /** As it came, nothing refused: a plan can be made of it. */
  readonly clean: boolean;
}

/** Turns points into packed rows, and what is new in them into dictionary entries. Main thread only. */
export class Packer {
  readonly #registrar: Registrar;

  constructor(registrar: Registrar) {
    this.#registrar = registrar;
  }

  /** Appends the group's row (or rows) to `out`; what could not be taken is added to `rejected` with `index`. */
  pack(out: RowWriter, source: PointGroup, index: number, options: PackOptions, rejected: RejectedField[]): void {
    const { time, nanos = 0, points } = source;
    const refusal = refuse(time, nanos, options);
    if (refusal !== null) {
      for (const { measurement } of points) rejected.push({ group: index, measurement, ...refusal });
      return;
    }
    const group = this.#registrar.group(this.#registrar.database(source.database), source.source);
    const foreign: Resolved[] = [];
    const { sequence } = group;
    out.beginRow(group.id, time, nanos);
    let segment = 0;
    for (let at = 0; at < points.length; segment++) {
      const expected = sequence[segment];
      if (expected !== undefined && writeByPlan(out, expected, points, at)) {
        at += expected.points.length;
        continue;
      }
      const { measurement } = points[at] as Point;
      const plan = group.plans.get(measurement)?.find((candidate) => writeByPlan(out, candidate, points, at));
      if (plan !== undefined) {
        sequence[segment] = plan;
        at += plan.points.length;
        continue;
      }
      let end = at + 1;
      while (end < points.length && points[end]?.measurement === measurement) end++;
      this.#packRun(out, group, points.slice(at, end), { index, options, rejected, foreign, segment });
      at = end;
    }
    out.endRow();
    if (foreign.length > 0) this.#packForeign(out, foreign, time, nanos);
  }

  #packRun(
    out: RowWriter,
    group: Group,
    points: readonly Point[],
    context: { index: number; options: PackOptions; rejected: RejectedField[]; foreign: Resolved[]; segment: number },
  ): void {
    const own: Resolved[] = [];
    for (const point of points) {
      const resolved = this.#resolve(group, point, context.index, context.options, context.rejected);
      if (resolved === null) continue;
      if (resolved.series.group === group.id) own.push(resolved);
      else context.foreign.push(resolved);
    }
    const plan = this.#writeResolved(out, group, own);
    // Only what will come again just so is worth a plan: all points, one segment.
    if (plan === null || own.length !== points.length || own.some(({ clean }) => !clean)) return;
    const plans = group.plans.get(plan.measurement);
    if (plans === undefined) group.plans.set(plan.measurement, [plan]);
    else if (plans.unshift(plan) > MAX_PLANS) plans.pop();
    group.sequence[context.segment] = plan;
    group.sequence.length = Math.min(group.sequence.length, 4096);
  }

  /** Rows for series that belong to another group, because that is where they came from first. */
  #packForeign(out: RowWriter, foreign: readonly Resolved[], time: number, nanos: number): void {
    const byGroup = new Map<number, Resolved[]>();
    for (const resolved of foreign) {
      const list = byGroup.get(resolved.series.group);
      if (list === undefined) byGroup.set(resolved.series.group, [resolved]);
      else list.push(resolved);
    }
    for (const [id, list] of byGroup) {
      const group = this.#registrar.groupById(id);
      out.beginRow(id, time, nanos);
      const byMeasurement = new Map<string, Resolved[]>();
      for (const resolved of list) {
        const { name } = resolved.series.measurement;
        byMeasurement.set(name, [...(byMeasurement.get(name) ?? []), resolved]);
      }
      for (const same of byMeasurement.values()) this.#writeResolved(out, group, same);
      out.endRow();
    }
  }

  /** Writes points of one measurement. Returns the plan for their like, or null if they took more than one segment. */
  #writeResolved(out: RowWriter, group: Group, resolved: readonly Resolved[]): SegmentPlan | null {
    if (resolved.length === 0) return null;
    const { name } = (resolved[0] as Resolved).series.measurement;
    const seen = new Set(resolved.map(({ series }) => series.sid));
    // A series twice in one row: the later segment wins, as the later point should.
    if (seen.size < resolved.length || (resolved.length > 1 && this.#registrar.hasManyShapes(group, name))) {
      for (const one of resolved) this.#writeResolved(out, group, [one]);
      return null;
    }
    const sids = [...seen].sort((a, b) => a - b);
    const fields = new Map<number, Field>();
    let count = 0;
    for (const { values } of resolved) {
      count += values.size;
      for (const field of values.keys()) fields.set(field.id, field);
    }
    const shape = this.#registrar.shape(group, name, sids, fields, count);
    if (shape === null) {
      this.#writeApart(out, group, resolved);
      return null;
    }
    const width = shape.fields.length;
    const cells = new Array<FieldValue | undefined>(sids.length * width).fill(undefined);
    for (const { series, values } of resolved) {
      const row = rowOf(shape, series.sid);
      for (const [field, value] of values) cells[row * width + columnOf(shape, field.id)] = value;
    }
    out.segment(shape, cells);
    return makePlan(
      (resolved[0] as Resolved).point.measurement,
      resolved.map(({ point }) => point),
      shape,
      (i, name) => {
        const { series, values } = resolved[i] as Resolved;
        for (const field of values.keys()) {
          if (field.name === name) return rowOf(shape, series.sid) * width + columnOf(shape, field.id);
        }
        return -1;
      },
    );
  }

  /** Several segments: one for each series; of one series, one for what usually comes together and one for each other field. */
  #writeApart(out: RowWriter, group: Group, resolved: readonly Resolved[]): void {
    if (resolved.length > 1) {
      for (const one of resolved) this.#writeResolved(out, group, [one]);
      return;
    }
    const [one] = resolved as [Resolved];
    const { values, series } = one;
    const common = this.#registrar.common(group, series.measurement.name, series.sid, [...values.keys()]);
    const usual = [...values].filter(([field]) => common.has(field));
    if (usual.length > 0) this.#writeResolved(out, group, [{ ...one, values: new Map(usual) }]);
    for (const [field, value] of values) {
      if (!common.has(field)) this.#writeResolved(out, group, [{ ...one, values: new Map([[field, value]]) }]);
    }
  }

  #resolve(group: Group, point: Point, index: number, options: PackOptions, rejected: RejectedField[]): Resolved | null {
    const { measurement } = point;
    const reject = (code: string, message: string, field?: string): null => {
      rejected.push({ group: index, measurement, ...(field === undefined ? {} : { field }), code, message });
      return null;
    };
    const names = Object.keys(point.fields);
    if (measurement === '' || names.length === 0) return reject('invalid', 'a point needs a measurement and a field');
    const key = seriesKey(measurement, point.tags);
    const known = group.database.seriesByKey.get(key);
    if (known === undefined && this.#registrar.dictionary.series.size >= options.seriesLimit) {
      return reject('max-series', `${options.seriesLimit} series are stored already, no new one is taken: remove a tag with many values`);
    }
    const fields = group.database.database.measurements.get(measurement)?.fields;
    const values = new Map<Field, FieldValue>();
    let clean = true;
    for (const name of names) {
      const raw = point.fields[name] as FieldValue;
      const existing = fields?.get(name)?.type;
      const declared = Object.hasOwn(point.types, name) ? point.types[name] : undefined;
      const type = existing ?? declared ?? typeOfValue(raw);
      const value = coerce(raw, type);
      if (value === null) {
        clean = false;
        if (typeof raw === 'number' && !Number.isFinite(raw)) reject('invalid', `${measurement}.${name} is not a finite number`, name);
        else {
          const given = INFLUX_TYPES[declared === undefined || declared === type ? typeOfValue(raw) : declared];
          const stands = existing === undefined ? 'is declared as' : 'already exists as';
          // InfluxDB's words: its clients read the type from them.
          const message = `input field "${name}" on measurement "${measurement}" is type ${given}, ${stands} type ${INFLUX_TYPES[type]}`;
          reject('type-conflict', message, name);
        }
        continue;
      }
      const field = this.#registrar.field(group.database, measurement, name, type);
      if (field === null) {
        clean = false;
        reject('invalid', `${measurement} has too many fields, ${name} is not taken: put what changes into a tag`, name);
        continue;
      }
      values.set(field, value);
      if (field.name !== name || typeof value !== typeof raw || typeof value === 'bigint') clean = false;
    }
    if (values.size === 0) return null;
    const series = known ?? this.#registrar.addSeries(group, key, measurement, point.tags);
    return { point, series, values, clean };
  }
}

function refuse(time: number, nanos: number, options: PackOptions): { code: string; message: string } | null {
  if (!Number.isInteger(time) || Math.abs(time) > MAX_TIME || !Number.isInteger(nanos) || nanos < 0 || nanos > 999_999) {
    return { code: 'invalid', message: `time ${time} ms and ${nanos} ns is not one that can be stored` };
  }
  if (time < options.oldest) return { code: 'too-old', message: 'point is older than the retention of the store' };
  return null;
}
