import type { FieldType } from '@hostwire/model';
import type { Column } from '../series-reader.ts';
import { type ByteReader, type ByteWriter, DamagedError } from './binary.ts';
import { decodeNumbers, encodeNumbers } from './number-codec.ts';
import { type EncodedSummary, summarize } from './summary.ts';

/*
 * A column: flags, (count and bitmap of the rows that have a value), the values of those rows alone.
 */
const NULLS = 1;
const BIG = 2;

/**
 * Appends the n rows of `column`. At least one row must have a value. Returns its summary, null if there is none that is
 * exact: strings, booleans, 64 bit integers.
 */
export function encodeColumn(out: ByteWriter, column: Column, n: number): EncodedSummary | null {
  const valid = column.valid;
  const count = valid === null ? n : countSet(valid, n);
  const flagsAt = out.length;
  let flags = 0;
  out.u8(0);
  if (valid !== null && count < n) {
    flags |= NULLS;
    out.varint(count);
    encodeBitmap(out, valid, n);
  }
  const dense = count < n ? valid : null;
  let summary: EncodedSummary | null = null;
  if (column.type === 'string') {
    encodeTexts(out, column.values, dense, n, count);
  } else if (column.type === 'int' && column.big !== null) {
    flags |= BIG;
    encodeBigs(out, column.big, dense, n, count);
  } else {
    const x = packed(column.values, dense, n, count);
    const stats = encodeNumbers(out, x, count);
    if (column.type !== 'bool') summary = summarize(x, count, stats, valid === null ? 0 : valid.indexOf(1), lastValid(valid, n));
  }
  out.bytes[flagsAt] = flags;
  return summary;
}

function lastValid(valid: Uint8Array | null, n: number): number {
  let last = n - 1;
  while (valid !== null && valid[last] !== 1) last--;
  return last;
}

/** Reads n rows of a field of type `type`. Throws DamagedError. */
export function decodeColumn(input: ByteReader, type: FieldType, n: number): Column {
  const { flags, valid, count } = decodeHead(input, n);
  if (type === 'string') return { type, values: spread(decodeTexts(input, count), valid, n, () => new Array<string>(n).fill('')), valid };
  if ((flags & BIG) !== 0) {
    if (type !== 'int') throw new DamagedError(`64 bit integers in a ${type} column`);
    const big = spread(decodeBigs(input, count), valid, n, () => new BigInt64Array(n));
    return { type, values: new Float64Array(0), big, valid };
  }
  const dense = new Float64Array(count);
  decodeNumbers(input, dense, count);
  const values = spread(dense, valid, n, () => new Float64Array(n));
  return type === 'int' ? { type, values, big: null, valid } : { type, values, valid };
}

function decodeHead(input: ByteReader, n: number): { flags: number; valid: Uint8Array | null; count: number } {
  const flags = input.u8();
  if ((flags & NULLS) === 0) return { flags, valid: null, count: n };
  const count = input.varint();
  const valid = new Uint8Array(n);
  const at = input.skip(Math.ceil(n / 8));
  let set = 0;
  for (let i = 0; i < n; i++) {
    const bit = ((input.bytes[at + (i >> 3)] as number) >> (i & 7)) & 1;
    valid[i] = bit;
    set += bit;
  }
  if (set !== count || count === 0) throw new DamagedError('bitmap and count differ');
  return { flags, valid, count };
}

function encodeBitmap(out: ByteWriter, valid: Uint8Array, n: number): void {
  const bytes = new Uint8Array(Math.ceil(n / 8));
  for (let i = 0; i < n; i++) if (valid[i] === 1) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7));
  out.raw(bytes);
}

function countSet(valid: Uint8Array, n: number): number {
  let count = 0;
  for (let i = 0; i < n; i++) count += valid[i] as number;
  return count;
}

let dense = new Float64Array(4096);

/** The values of the rows that have one. */
function packed(values: Float64Array, valid: Uint8Array | null, n: number, count: number): Float64Array {
  if (valid === null) return values;
  if (dense.length < count) dense = new Float64Array(count * 2);
  let at = 0;
  for (let i = 0; i < n; i++) if (valid[i] === 1) dense[at++] = values[i] as number;
  return dense;
}

/** Puts dense values back to their rows. */
function spread<T extends { [index: number]: unknown }>(values: T, valid: Uint8Array | null, n: number, make: () => T): T {
  if (valid === null) return values;
  const result = make();
  let at = 0;
  for (let i = 0; i < n; i++) if (valid[i] === 1) (result as { [index: number]: unknown })[i] = values[at++];
  return result;
}

/** The smallest, then either the differences from it as numbers (where a double holds them), or 8 bytes each. */
function encodeBigs(out: ByteWriter, big: BigInt64Array, valid: Uint8Array | null, n: number, count: number): void {
  const values = new BigInt64Array(count);
  let at = 0;
  for (let i = 0; i < n; i++) if (valid === null || valid[i] === 1) values[at++] = big[i] as bigint;
  let min = values[0] as bigint;
  let max = min;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  out.i64(min);
  const near = max - min <= BigInt(Number.MAX_SAFE_INTEGER);
  out.u8(near ? 1 : 0);
  if (near)
    encodeNumbers(
      out,
      Float64Array.from(values, (value) => Number(value - min)),
      count,
    );
  else for (const value of values) out.i64(value);
}

function decodeBigs(input: ByteReader, count: number): BigInt64Array {
  const min = input.i64();
  const near = input.u8() === 1;
  const values = new BigInt64Array(count);
  if (!near) {
    for (let i = 0; i < count; i++) values[i] = input.i64();
    return values;
  }
  const numbers = new Float64Array(count);
  decodeNumbers(input, numbers, count);
  for (let i = 0; i < count; i++) {
    const number = numbers[i] as number;
    if (!Number.isSafeInteger(number)) throw new DamagedError('64 bit integers');
    values[i] = min + BigInt(number);
  }
  return values;
}

/** Each different string once, in order of appearance, then their numbers. */
function encodeTexts(out: ByteWriter, values: readonly string[], valid: Uint8Array | null, n: number, count: number): void {
  const ids = new Map<string, number>();
  const numbers = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < n; i++) {
    if (valid !== null && valid[i] !== 1) continue;
    const text = values[i] as string;
    let id = ids.get(text);
    if (id === undefined) {
      id = ids.size;
      ids.set(text, id);
    }
    numbers[at++] = id;
  }
  out.varint(ids.size);
  for (const text of ids.keys()) out.text(text);
  encodeNumbers(out, numbers, count);
}

function decodeTexts(input: ByteReader, count: number): string[] {
  const size = input.varint();
  if (size > count) throw new DamagedError('more strings than rows');
  const texts: string[] = [];
  for (let i = 0; i < size; i++) texts.push(input.text());
  const numbers = new Float64Array(count);
  decodeNumbers(input, numbers, count);
  const values: string[] = [];
  for (let i = 0; i < count; i++) {
    const text = texts[numbers[i] as number];
    if (text === undefined) throw new DamagedError('string number');
    values.push(text);
  }
  return values;
}
