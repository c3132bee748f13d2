import type { FieldType } from '@hostwire/model';
import { ByteReader, ByteWriter } from './binary.ts';

/**
 * What the cells of a segment of a hot row are: the series and fields of one measurement, a matrix of series x fields.
 * Fields stand numbers first, then booleans, then strings.
 */
export interface Shape {
  readonly id: number;
  /** Ascending. */
  readonly sids: readonly number[];
  readonly fields: readonly ShapeField[];
  readonly numbers: number;
  readonly bools: number;
  readonly texts: number;
}

export interface ShapeField {
  readonly id: number;
  readonly type: FieldType;
}

const rank = (type: FieldType): number => (type === 'string' ? 2 : type === 'bool' ? 1 : 0);

export function makeShape(id: number, sids: readonly number[], fields: readonly ShapeField[]): Shape {
  const ordered = [...fields].sort((a, b) => rank(a.type) - rank(b.type) || a.id - b.id);
  const bools = ordered.filter(({ type }) => type === 'bool').length;
  const texts = ordered.filter(({ type }) => type === 'string').length;
  return {
    id,
    sids,
    fields: ordered,
    numbers: ordered.length - bools - texts,
    bools,
    texts,
  };
}

/** The row of the matrix that a series has, or -1. No map: most shapes of a store with many series have one row. */
export function rowOf(shape: Shape, sid: number): number {
  const { sids } = shape;
  let low = 0;
  let high = sids.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = sids[middle] as number;
    if (at === sid) return middle;
    if (at < sid) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The column of the matrix that a field has, or -1. */
export function columnOf(shape: Shape, field: number): number {
  const { fields } = shape;
  for (let column = 0; column < fields.length; column++) if (fields[column]?.id === field) return column;
  return -1;
}

/** The ids alone; types are looked up when it is read. */
export function encodeShape(shape: Shape): Uint8Array {
  const out = new ByteWriter(16 + 4 * (shape.sids.length + shape.fields.length));
  out.varint(shape.sids.length);
  let before = 0;
  for (const sid of shape.sids) {
    out.varint(sid - before);
    before = sid;
  }
  out.varint(shape.fields.length);
  for (const field of shape.fields) out.varint(field.id);
  return out.bytes.slice(0, out.length);
}

/** Throws DamagedError. */
export function decodeShape(id: number, blob: Uint8Array, typeOf: (field: number) => FieldType): Shape {
  const input = new ByteReader(blob);
  const sids: number[] = [];
  let sid = 0;
  for (let left = input.varint(); left > 0; left--) {
    sid += input.varint();
    sids.push(sid);
  }
  const fields: ShapeField[] = [];
  for (let left = input.varint(); left > 0; left--) {
    const field = input.varint();
    fields.push({ id: field, type: typeOf(field) });
  }
  return makeShape(id, sids, fields);
}

/*
 * A hot row: u8 flags (1: u32 nanoseconds follow), then segments: u32 shape, u32 bytes of the body, u8 flags, body.
 * Body: (bitmap of the cells that have a value), numbers of 8 bytes, booleans of 1, strings as u32 length and UTF-8;
 * each by series, then field. An int is a double like a float, unless BIG says that all ints of the segment are int64.
 */
export const ROW_NANOS = 1;
export const SEGMENT_HEAD = 9;
export const SEGMENT_NULLS = 1;
export const SEGMENT_BIG = 2;

export function bitmapBytes(shape: Shape): number {
  return (shape.sids.length * shape.fields.length + 7) >> 3;
}
