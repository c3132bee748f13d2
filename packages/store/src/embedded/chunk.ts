import type { FieldType } from '@hostwire/model';
import type { Column } from '../series-reader.ts';
import { ByteReader, ByteWriter, DamagedError } from './binary.ts';
import { decodeColumn, encodeColumn } from './column-codec.ts';
import { decodeNumbers, encodeNumbers } from './number-codec.ts';
import { type EncodedSummary, encodeSummaries } from './summary.ts';

/** Times of rows: whole ms, and the nanoseconds beyond them where any are not 0. */
export interface Times {
  readonly n: number;
  readonly times: Float64Array;
  readonly nanos: Int32Array | null;
}

const VERSION = 1;
/** Unpacking reads words that may reach past the last value. */
const PADDING = new Uint8Array(4);
/** More rows than a slot can hold: a count beyond it is damage, and memory must not be taken for it. */
const MAX_ROWS = 1 << 24;

const writer = new ByteWriter(256 * 1024);

/** A block of times, shared by the chunks whose rows have them. n >= 1. */
export function encodeTimes({ n, times, nanos }: Times): Buffer {
  writer.length = 0;
  writer.u8(VERSION);
  writer.u8(nanos === null ? 0 : 1);
  encodeNumbers(writer, times, n);
  if (nanos !== null) encodeNumbers(writer, Float64Array.from(nanos.subarray(0, n)), n);
  writer.raw(PADDING);
  return writer.take();
}

/** Throws DamagedError. */
export function decodeTimes(blob: Uint8Array, n: number): Times {
  const input = open(blob, n);
  const hasNanos = input.u8() === 1;
  const times = new Float64Array(n);
  decodeNumbers(input, times, n);
  if (!hasNanos) return { n, times, nanos: null };
  const nanos = new Float64Array(n);
  decodeNumbers(input, nanos, n);
  return { n, times, nanos: Int32Array.from(nanos) };
}

/**
 * A chunk: the columns of one series in one slot, by field id; columns without any value are left out by the caller. Its
 * summaries are a blob of their own.
 */
export function encodeChunk(columns: ReadonlyMap<number, Column>, { n, times }: Times): { blob: Buffer; summaries: Buffer } {
  writer.length = 0;
  writer.u8(VERSION);
  writer.varint(columns.size);
  // The lengths are not known before the columns are written.
  bodies.length = 0;
  const summaries = new Map<number, EncodedSummary>();
  for (const [field, column] of columns) {
    const start = bodies.length;
    const summary = encodeColumn(bodies, column, n);
    if (summary !== null) summaries.set(field, summary);
    writer.varint(field);
    writer.varint(bodies.length - start);
  }
  writer.raw(bodies.bytes.subarray(0, bodies.length));
  writer.raw(PADDING);
  return { blob: writer.take(), summaries: encodeSummaries(summaries, times, n) };
}

const bodies = new ByteWriter(256 * 1024);

/** A chunk opened for reading: which fields it has is known, nothing else is read yet. */
export class Chunk {
  readonly #input: ByteReader;
  readonly #n: number;
  readonly #offsets = new Map<number, number>();

  /** Throws DamagedError. */
  constructor(blob: Uint8Array, n: number) {
    this.#n = n;
    const input = open(blob, n);
    this.#input = input;
    const count = input.varint();
    const lengths: [field: number, length: number][] = [];
    for (let i = 0; i < count; i++) lengths.push([input.varint(), input.varint()]);
    for (const [field, length] of lengths) this.#offsets.set(field, input.skip(length));
  }

  /** Ids of the fields that have a value in some row. */
  fields(): Iterable<number> {
    return this.#offsets.keys();
  }

  /** The column of a field; null if no row has a value of it. Throws DamagedError. */
  column(field: number, type: FieldType): Column | null {
    return this.#seek(field) ? decodeColumn(this.#input, type, this.#n) : null;
  }

  #seek(field: number): boolean {
    const offset = this.#offsets.get(field);
    if (offset === undefined) return false;
    this.#input.offset = offset;
    return true;
  }
}

function open(blob: Uint8Array, n: number): ByteReader {
  if (!(n >= 1 && n <= MAX_ROWS)) throw new DamagedError(`${n} rows`);
  const input = new ByteReader(blob);
  const version = input.u8();
  if (version !== VERSION) throw new DamagedError(`version ${version} is not known`);
  return input;
}
