import type { FieldValue, Row, Tags } from '@hostwire/model';
import { CUSTOM_PREFIX } from '@hostwire/model';

const MAX_ROWS = 1000;
const MAX_FIELDS = 1000;
const MAX_TAGS = 16;
const MAX_TAG_LENGTH = 200;
const MAX_STRING_LENGTH = 1000;

/** Letters, digits and what names of others are made of; never an object's own `__proto__`. */
const NAME = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_.:/-]{0,127}$/;

/** Tags that every row of ours has; a source's own are kept under the name that Prometheus gives them. */
const OURS = new Set(['host', 'source']);

/** Rows of one source as they are found: bounded, with one row for each series, numbers that are numbers, names that are names. */
export class RowSet {
  readonly #source: string;
  readonly #rows = new Map<string, { readonly measurement: string; readonly tags: Tags; readonly fields: Map<string, FieldValue> }>();
  #dropped = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Values that were left out: NaN and infinite ones, what has no valid name, what comes twice, what is too much. */
  get dropped(): number {
    return this.#dropped;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Adds values to the row with these tags. A bigint becomes the nearest float: a number's type never changes. */
  add(measurement: string, tags: Readonly<Record<string, string>>, fields: Iterable<readonly [name: string, value: FieldValue]>): void {
    for (const [name, value] of fields) {
      const clean = typeof value === 'bigint' ? Number(value) : typeof value === 'string' ? value.slice(0, MAX_STRING_LENGTH) : value;
      const isValue = NAME.test(name) && (typeof clean !== 'number' || Number.isFinite(clean));
      const row = isValue ? this.#rowOf(measurement, tags) : null;
      if (row === null || row.has(name) || row.size >= MAX_FIELDS) this.#dropped += 1;
      else row.set(name, clean);
    }
  }

  /** Measurement -> rows. */
  toRows(): Record<string, Row[]> {
    const found: Record<string, Row[]> = {};
    for (const { measurement, tags, fields } of this.#rows.values()) {
      const list = found[measurement] ?? [];
      found[measurement] = list;
      list.push({ tags, fields: Object.fromEntries(fields) });
    }
    return found;
  }

  #rowOf(name: string, given: Readonly<Record<string, string>>): Map<string, FieldValue> | null {
    const measurement = `${CUSTOM_PREFIX}${name}`;
    const tags: Record<string, string> = {};
    const entries = Object.entries(given).filter(([, value]) => value.trim() !== '');
    if (!NAME.test(measurement) || entries.length > MAX_TAGS) return null;
    for (const [tag, value] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!NAME.test(tag)) return null;
      tags[OURS.has(tag) ? `exported_${tag}` : tag] = value.slice(0, MAX_TAG_LENGTH);
    }
    tags['source'] = this.#source;
    const key = JSON.stringify([measurement, Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))]);
    const known = this.#rows.get(key);
    if (known !== undefined) return known.fields;
    if (this.#rows.size >= MAX_ROWS) return null;
    const fields = new Map<string, FieldValue>();
    this.#rows.set(key, { measurement, tags, fields });
    return fields;
  }
}
