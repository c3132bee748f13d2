import type { FieldType, Point } from '@hostwire/model';

const CONFLICT = /input field "(.*?)" on measurement "(.*?)" is type (\w+), already exists as type (\w+)/;
const TYPES: Readonly<Record<string, FieldType>> = { float: 'float', integer: 'int', string: 'string', boolean: 'bool' };

/** The types that InfluxDB has for fields where they are not the declared ones, learned from its refusals. */
export class LearnedTypes {
  private readonly known = new Map<string, Map<string, FieldType>>();

  /** The field whose type the message of a refusal told, if it was not known; else null. */
  learn(database: string, message: string): string | null {
    const [, field, measurement, , existing] = CONFLICT.exec(message) ?? [];
    const type = existing === undefined ? undefined : TYPES[existing];
    if (field === undefined || measurement === undefined || type === undefined) return null;
    const key = `${database}\u0000${measurement}`;
    const fields = this.known.get(key) ?? new Map<string, FieldType>();
    this.known.set(key, fields);
    if (fields.get(field) === type) return null;
    fields.set(field, type);
    return `${key}\u0000${field}`;
  }

  /** The point with the types that InfluxDB has. */
  apply(database: string, point: Point): Point {
    const fields = this.known.size === 0 ? undefined : this.known.get(`${database}\u0000${point.measurement}`);
    return fields === undefined ? point : { ...point, types: { ...point.types, ...Object.fromEntries(fields) } };
  }
}
