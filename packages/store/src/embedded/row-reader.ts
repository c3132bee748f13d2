import { DamagedError } from './binary.ts';
import { bitmapBytes, ROW_NANOS, SEGMENT_BIG, SEGMENT_HEAD, SEGMENT_NULLS, type Shape } from './shape.ts';

/** Walks the segments of a packed hot row. One reader serves many rows. */
export class RowReader {
  readonly #shapes: ReadonlyMap<number, Shape>;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #next = 0;
  #bitmap = -1;
  #matrix = 0;
  #text = 0;
  #textAt = 0;
  /** True if the ints of this segment are int64. */
  big = false;
  nanos = 0;
  /** Of the segment that `next` came to. */
  shape!: Shape;

  constructor(shapes: ReadonlyMap<number, Shape>) {
    this.#shapes = shapes;
  }

  open(row: Buffer): void {
    this.#bytes = row;
    this.#view = new DataView(row.buffer, row.byteOffset, row.byteLength);
    const hasNanos = (row[0] ?? 0) === ROW_NANOS;
    this.nanos = hasNanos ? this.#view.getUint32(1, true) : 0;
    this.#next = hasNanos ? 5 : 1;
  }

  /** Goes to the next segment; false at the end. Throws DamagedError. */
  next(): boolean {
    const view = this.#view;
    while (this.#next + SEGMENT_HEAD <= view.byteLength) {
      const start = this.#next;
      const shape = this.#shapes.get(view.getUint32(start, true));
      const flags = view.getUint8(start + 8);
      this.#next = start + SEGMENT_HEAD + view.getUint32(start + 4, true);
      if (shape === undefined) continue;
      const nulls = (flags & SEGMENT_NULLS) !== 0;
      this.shape = shape;
      this.big = (flags & SEGMENT_BIG) !== 0;
      this.#bitmap = nulls ? start + SEGMENT_HEAD : -1;
      this.#matrix = start + SEGMENT_HEAD + (nulls ? bitmapBytes(shape) : 0);
      this.#text = 0;
      this.#textAt = this.#matrix + shape.sids.length * (shape.numbers * 8 + shape.bools);
      if (this.#textAt > this.#next || this.#next > view.byteLength) throw new DamagedError('a row ends too early');
      return true;
    }
    return false;
  }

  has(row: number, column: number): boolean {
    if (this.#bitmap < 0) return true;
    const cell = row * this.shape.fields.length + column;
    return (((this.#bytes[this.#bitmap + (cell >> 3)] as number) >> (cell & 7)) & 1) === 1;
  }

  /** A float, or an int that is not `big`. */
  number(row: number, column: number): number {
    return this.#view.getFloat64(this.#matrix + (row * this.shape.numbers + column) * 8, true);
  }

  bigint(row: number, column: number): bigint {
    return this.#view.getBigInt64(this.#matrix + (row * this.shape.numbers + column) * 8, true);
  }

  /** 0 or 1. */
  bool(row: number, column: number): number {
    const { shape } = this;
    const at = this.#matrix + shape.sids.length * shape.numbers * 8 + row * shape.bools + column - shape.numbers;
    return this.#bytes[at] === 1 ? 1 : 0;
  }

  /** Cheap when cells are asked for in order. Throws DamagedError. */
  text(row: number, column: number): string {
    const { shape } = this;
    const index = row * shape.texts + column - shape.numbers - shape.bools;
    if (index < this.#text) {
      this.#text = 0;
      this.#textAt = this.#matrix + shape.sids.length * (shape.numbers * 8 + shape.bools);
    }
    for (;;) {
      const length = this.#textAt + 4 <= this.#next ? this.#view.getUint32(this.#textAt, true) : Number.POSITIVE_INFINITY;
      const start = this.#textAt + 4;
      if (start + length > this.#next) throw new DamagedError('a row ends too early');
      if (this.#text === index) return this.#bytes.toString('utf8', start, start + length);
      this.#text++;
      this.#textAt = start + length;
    }
  }
}
