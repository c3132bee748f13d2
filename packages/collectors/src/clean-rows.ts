import { CUSTOM_PREFIX, type FieldDeclaration, type FieldValue, type MeasurementDeclaration, type Row } from '@hostwire/model';
import type { CollectedRows } from './collector.ts';

const MAX_TAG_LENGTH = 1024;
const MAX_STRING_LENGTH = 65_536;
const MAX_ROWS = 10_000;
const DEFAULT_DECIMALS = 3;
/** Values whose scale nobody declared are not rounded. */
const ALL_DECIMALS = Number.POSITIVE_INFINITY;
const MAX_INT64 = 2n ** 63n - 1n;

/** Rows as they may travel, and what had to be left out for that. */
export interface CleanRows {
  readonly data: Record<string, Row[]>;
  readonly rows: number;
  /** Fields, tags and rows left out. */
  readonly dropped: number;
  /** The first thing that was not as declared (an error of the collector); NaN and infinity are no such thing. */
  readonly problem?: string;
}

/**
 * What a collector gave, held to its declaration: only declared measurements, tags and fields, of the declared type,
 * floats rounded to their decimals, text printable and bounded. `undeclared`: measurements beginning with `CUSTOM_PREFIX` may
 * have any tags and fields; their numbers are floats, as they are.
 */
export function cleanRows(
  collected: CollectedRows,
  measurements: Readonly<Record<string, MeasurementDeclaration>>,
  undeclared = false,
): CleanRows {
  const data: Record<string, Row[]> = {};
  let rows = 0;
  let dropped = 0;
  let problem: string | undefined;
  const drop = (why?: string) => {
    dropped++;
    if (why !== undefined) problem ??= why;
  };
  for (const [name, list] of Object.entries(collected)) {
    const declaration = Object.hasOwn(measurements, name) ? measurements[name] : undefined;
    const isOpen = undeclared && name.startsWith(CUSTOM_PREFIX);
    const kept: Row[] = [];
    for (const row of list) {
      if (declaration === undefined && !isOpen) drop(`${name} is not declared`);
      else if (kept.length === MAX_ROWS) drop(`${name} has more than ${MAX_ROWS} rows`);
      else {
        const clean = cleanRow(name, row, declaration, drop);
        if (clean !== null) kept.push(clean);
      }
    }
    if (kept.length > 0) data[name] = kept;
    rows += kept.length;
  }
  return { data, rows, dropped, ...(problem === undefined ? {} : { problem }) };
}

/** Without a declaration every tag and field is taken. */
function cleanRow(
  measurement: string,
  row: Row,
  declaration: MeasurementDeclaration | undefined,
  drop: (why?: string) => void,
): Row | null {
  const tags: Record<string, string> = {};
  let tagged = false;
  for (const [name, value] of Object.entries(row.tags ?? {})) {
    if (declaration !== undefined && !Object.hasOwn(declaration.tags, name)) {
      drop(`${measurement}: tag ${name} is not declared`);
      continue;
    }
    const text = cut(printable(value), MAX_TAG_LENGTH);
    if (text.trim() === '') continue;
    tags[name] = text;
    tagged = true;
  }
  const fields: Record<string, FieldValue> = {};
  let filled = false;
  for (const [name, value] of Object.entries(row.fields)) {
    const field = declaration === undefined ? inferred(value) : ownField(declaration, name);
    if (field === undefined) {
      drop(`${measurement}: field ${name} is not declared`);
      continue;
    }
    const clean = cleanValue(value, field);
    if (clean === undefined) {
      const missing = typeof value === 'number' && !Number.isFinite(value);
      drop(missing ? undefined : `${measurement}.${name}: ${typeof value} ${cut(String(value), 40)} is not of type ${field.type}`);
      continue;
    }
    fields[name] = clean;
    filled = true;
  }
  if (!filled) return null;
  return tagged ? { tags, fields } : { fields };
}

function ownField({ fields }: MeasurementDeclaration, name: string): FieldDeclaration | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** A number is a float, whatever it looks like just now: a field never changes its type. */
function inferred(value: FieldValue): FieldDeclaration {
  const type = typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'bool' : 'float';
  return { type, unit: '1', kind: 'gauge', help: '', decimals: ALL_DECIMALS };
}

function cleanValue(value: FieldValue, { type, decimals = DEFAULT_DECIMALS }: FieldDeclaration): FieldValue | undefined {
  switch (type) {
    case 'float':
      if (typeof value === 'bigint') return Number(value);
      return typeof value === 'number' && Number.isFinite(value) ? round(value, decimals) : undefined;
    case 'int':
      if (typeof value === 'bigint') return value > MAX_INT64 ? MAX_INT64 : value < -MAX_INT64 ? -MAX_INT64 : value;
      if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
      // Zero is added because -0 would travel as a float in some encodings.
      return Number.isSafeInteger(value) ? value + 0 : cleanValue(BigInt(value), { type, unit: '1', kind: 'gauge', help: '' });
    case 'string':
      return typeof value === 'string' ? cut(value.replaceAll('\0', ''), MAX_STRING_LENGTH) : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
  }
}

function round(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  const scaled = value * factor;
  return Number.isSafeInteger(Math.round(scaled)) ? Math.round(scaled) / factor + 0 : value;
}

/** Text of a host made fit for one line: control, format and unpaired surrogate characters become blanks. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** At most `length` code units, never half a character. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const head = text.slice(0, length);
  const last = head.charCodeAt(length - 1);
  return last >= 0xd800 && last <= 0xdbff ? head.slice(0, -1) : head;
}
