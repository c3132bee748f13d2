import type { FieldType, Point } from '@hostwire/model';

const CONFLICT = /input field "(.*?)" on measurement "(.*?)" is type (\w+), already exists as type (\w+)/;
const TYPES: Readonly<Record<string, FieldType>> = { float: 'float', integer: 'int', string: 'string', boolean: 'bool' };

/** The types that InfluxDB has for fields where they are not the declared ones, learned from its refusals. */
export class LearnedTypes {
  private readonly known = new Map<string, Map<string, FieldType>>();

  /** True if the message of a refusal told a type that was not known. */
  learn(database: string, message: string): boolean {
    const [, field, measurement, , existing] = CONFLICT.exec(message) ?? [];
    const type = existing === undefined ? undefined : TYPES[existing];
    if (field === undefined || measurement === undefined || type === undefined) return false;
    const key = `${database}\u0000${measurement}`;
    const fields = this.known.get(key) ?? new Map<string, FieldType>();
    this.known.set(key, fields);
    if (fields.get(field) === type) return false;
    fields.set(field, type);
    return true;
  }

  /** The point with the types that InfluxDB has. */
  apply(database: string, point: Point): Point {
    const fields = this.known.size === 0 ? undefined : this.known.get(`${database}\u0000${point.measurement}`);
    return fields === undefined ? point : { ...point, types: { ...point.types, ...Object.fromEntries(fields) } };
  }
}
