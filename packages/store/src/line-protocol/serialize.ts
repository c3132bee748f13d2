import type { FieldType, FieldValue, Point, PointGroup } from '@hostwire/model';

const MAX_INT = 9223372036854775807n;

/** Takes what line protocol cannot hold. `field` absent: the whole point. */
export type Refuse = (group: number, measurement: string, field: string | undefined, message: string) => void;

/** One line of a point, and where it came from. */
export interface PointLine {
  readonly text: string;
  readonly group: number;
  readonly point: Point;
}

/**
 * A point as a line of InfluxDB's line protocol with a time in nanoseconds; null when nothing of it can be written.
 *
 * What the protocol has no form for: a name or tag that ends in `\` loses the backslash (as Telegraf does), a line
 * break in one becomes the two characters `\n` (as InfluxDB's clients do), empty tags are left out. Fields that do not
 * fit their declared type (and NaN, Infinity) go to `refuse`.
 */
export function serializePoint(point: Point, group: number, time: string, refuse: Refuse): string | null {
  const { measurement, tags, fields, types } = point;
  const name = escapeMeasurement(measurement);
  if (name === '' || name.startsWith('#')) {
    refuse(group, measurement, undefined, 'line protocol has no form for this name of a measurement');
    return null;
  }
  let line = name;
  for (const key in tags) {
    const tag = escapeKey(tags[key] ?? '');
    const escapedKey = escapeKey(key);
    if (tag !== '' && escapedKey !== '') line += `,${escapedKey}=${tag}`;
  }
  let separator = ' ';
  for (const key in fields) {
    // A field may be named as something that every object has.
    const type = Object.hasOwn(types, key) ? types[key] : undefined;
    const text = fieldText(fields[key] as FieldValue, type);
    const escapedKey = escapeKey(key);
    if (text === null || escapedKey === '') refuse(group, measurement, key, refusal(key, type));
    else {
      line += `${separator}${escapedKey}=${text}`;
      separator = ',';
    }
  }
  if (separator === ' ') return null;
  line += ` ${time}`;
  // A text put together in steps stays a tree until it is read; thousands of such trees waiting keep the collector busy.
  line.charCodeAt(0);
  return line;
}

/** The lines of all points. */
export function serializeGroups(groups: readonly PointGroup[], refuse: Refuse): PointLine[] {
  const lines: PointLine[] = [];
  groups.forEach((group, index) => {
    const time = nanoseconds(group.time, group.nanos ?? 0);
    for (const point of group.points) {
      const text = serializePoint(point, index, time, refuse);
      if (text !== null) lines.push({ text, group: index, point });
    }
  });
  return lines;
}

function refusal(key: string, type: FieldType | undefined): string {
  if (key === '') return 'a field without a name';
  return type === undefined ? 'the value is no finite number' : `the value does not fit the field's declared type ${type}`;
}

/** Digits of the nanoseconds since the epoch, which a double cannot hold. */
export function nanoseconds(ms: number, nanos: number): string {
  if (ms > 0) return `${ms}${nanos === 0 ? '000000' : String(nanos).padStart(6, '0')}`;
  return String(BigInt(ms) * 1_000_000n + BigInt(nanos));
}

/** A value as its declared type, or null: int to float and whole float to int are the only conversions. */
function fieldText(value: FieldValue, type: FieldType | undefined): string | null {
  if (typeof value === 'string') return type === undefined || type === 'string' ? `"${escapeString(value)}"` : null;
  if (typeof value === 'boolean') return type === undefined || type === 'bool' ? String(value) : null;
  return typeof value === 'bigint' ? bigintText(value, type) : numberText(value, type);
}

function numberText(value: number, type: FieldType | undefined): string | null {
  if (!Number.isFinite(value)) return null;
  if (type === undefined || type === 'float') return String(value);
  return type === 'int' && Number.isInteger(value) && Math.abs(value) < 2 ** 63
    ? `${Number.isSafeInteger(value) ? value : BigInt(value)}i`
    : null;
}

function bigintText(value: bigint, type: FieldType | undefined): string | null {
  if (type === 'float') return String(Number(value));
  return (type === undefined || type === 'int') && value <= MAX_INT && value >= -MAX_INT - 1n ? `${value}i` : null;
}

const NEEDS_MEASUREMENT_ESCAPE = /[, \n\\]/;
const NEEDS_KEY_ESCAPE = /[,= \n\\]/;
const NEEDS_STRING_ESCAPE = /["\\]/;

function withoutTrailingBackslash(text: string): string {
  return text.replace(/\\+$/, '');
}

function escapeMeasurement(name: string): string {
  if (!NEEDS_MEASUREMENT_ESCAPE.test(name)) return name;
  return withoutTrailingBackslash(name).replaceAll('\n', '\\n').replace(/[, ]/g, '\\$&');
}

/** Names come again and again: a look-up is cheaper than a search. Bounded, as tag values come from outside. */
const escapedKeys = new Map<string, string>();
const MAX_ESCAPED_KEYS = 10_000;

/** For tag keys, tag values and field keys. */
function escapeKey(key: string): string {
  let escaped = escapedKeys.get(key);
  if (escaped === undefined) {
    escaped = computeEscapedKey(key);
    if (escapedKeys.size >= MAX_ESCAPED_KEYS) escapedKeys.clear();
    escapedKeys.set(key, escaped);
  }
  return escaped;
}

function computeEscapedKey(key: string): string {
  if (!NEEDS_KEY_ESCAPE.test(key)) return key;
  return withoutTrailingBackslash(key).replaceAll('\n', '\\n').replace(/[,= ]/g, '\\$&');
}

function escapeString(text: string): string {
  return NEEDS_STRING_ESCAPE.test(text) ? text.replace(/["\\]/g, '\\$&') : text;
}
