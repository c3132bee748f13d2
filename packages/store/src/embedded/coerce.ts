import type { FieldType, FieldValue } from '@hostwire/model';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * A value as the type that its field has: int to float, whole float to int; an int beyond 2^53-1 is a bigint, any other
 * a number. Null: it cannot be one. NaN and infinities are no values (InfluxDB takes none either).
 */
export function coerce(value: FieldValue, type: FieldType): FieldValue | null {
  switch (type) {
    case 'float':
      // + 0 makes -0 a 0: equal to it everywhere, and a -0 would cost a whole column its compression.
      if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null;
      return typeof value === 'bigint' && Number.isFinite(Number(value)) ? Number(value) : null;
    case 'int':
      if (typeof value === 'number') {
        if (Number.isSafeInteger(value)) return value + 0;
        return Number.isInteger(value) ? asInt64(BigInt(value)) : null;
      }
      return typeof value === 'bigint' ? asInt64(value) : null;
    case 'bool':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      return typeof value === 'string' ? value : null;
    default:
      return null;
  }
}

function asInt64(value: bigint): FieldValue | null {
  if (value < INT64_MIN || value > INT64_MAX) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The type of a value that no declaration and no earlier write gives one: a number is a float. */
export function typeOfValue(value: FieldValue): FieldType {
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'string') return 'string';
  return typeof value === 'boolean' ? 'bool' : 'float';
}
