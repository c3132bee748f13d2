import type { FieldValue } from '@hostwire/model';
import { ParseError } from '../proc-text.ts';

/** What of a JSON text becomes rows. All are JSON Pointers (RFC 6901). */
export interface JsonMapping {
  /** A list, each element of which is a row; empty: the whole is one row. */
  readonly rows: string;
  /** Field -> where its value is, from the row. */
  readonly fields: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface JsonRow {
  readonly tags: Record<string, string>;
  readonly fields: [name: string, value: FieldValue][];
}

/** What is kept of the text: nothing else leaves the access to the host. */
export function pointersOf({ rows, fields, tags }: JsonMapping): string[] {
  const within = rows === '' ? '' : `${rows}/*`;
  return [...Object.values(fields), ...Object.values(tags)].map((pointer) => `${within}${pointer}`);
}

/**
 * Rows of a JSON text. What is not there, null, or a list or object is no field; a tag may be a text, a number or a flag.
 * Throws ParseError if it is not JSON, or `rows` names no list.
 */
export function parseJsonRows(text: string, mapping: JsonMapping): JsonRow[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ParseError('the answer is not JSON, or holds nothing that the pointers name');
  }
  const list = mapping.rows === '' ? [value] : at(value, mapping.rows);
  if (!Array.isArray(list)) throw new ParseError(`${mapping.rows} names no list`);
  return list.map((row: unknown) => ({
    tags: Object.fromEntries(
      Object.entries(mapping.tags).flatMap(([name, pointer]) => {
        const found = at(row, pointer);
        return isScalar(found) ? [[name, String(found)] as const] : [];
      }),
    ),
    fields: Object.entries(mapping.fields).flatMap(([name, pointer]): [string, FieldValue][] => {
      const found = at(row, pointer);
      return isScalar(found) ? [[name, found]] : [];
    }),
  }));
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function at(value: unknown, pointer: string): unknown {
  let found = value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
