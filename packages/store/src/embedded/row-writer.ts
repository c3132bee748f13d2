import type { FieldValue } from '@hostwire/model';
import { bitmapBytes, ROW_NANOS, SEGMENT_BIG, SEGMENT_HEAD, SEGMENT_NULLS, type Shape } from './shape.ts';

/** Bytes before each row of a batch: u32 length, u32 group, f64 time in ms. */
export const ROW_HEAD = 16;

/** The rows of a batch in one ArrayBuffer, which is handed to the writer thread without copying. */
export class RowWriter {
  bytes: Buffer;
  view: DataView;
  length = 0;
  rows = 0;
  #rowStart = 0;

  constructor(capacity: number) {
    const memory = new ArrayBuffer(capacity);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }

  ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const memory = new ArrayBuffer(Math.max(this.bytes.length * 2, this.length + count));
    const larger = Buffer.from(memory);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(memory);
  }

  /** For `reset`. */
  mark(): readonly [length: number, rows: number] {
    return [this.length, this.rows];
  }

  /** Forgets what was written since. */
  reset([length, rows]: readonly [length: number, rows: number]): void {
    this.length = length;
    this.rows = rows;
  }

  beginRow(group: number, time: number, nanos: number): void {
    this.ensure(ROW_HEAD + 5);
    const { view } = this;
    this.#rowStart = this.length;
    view.setUint32(this.length + 4, group, true);
    view.setFloat64(this.length + 8, time, true);
    this.length += ROW_HEAD;
    if (nanos === 0) {
      view.setUint8(this.length++, 0);
    } else {
      view.setUint8(this.length, ROW_NANOS);
      view.setUint32(this.length + 1, nanos, true);
      this.length += 5;
    }
  }

  /** Ends the row, or forgets it if it got no segment. */
  endRow(): void {
    const bytes = this.length - this.#rowStart - ROW_HEAD;
    if (bytes <= 5 && bytes === (this.view.getUint8(this.#rowStart + ROW_HEAD) === ROW_NANOS ? 5 : 1)) {
      this.length = this.#rowStart;
      return;
    }
    this.view.setUint32(this.#rowStart, bytes, true);
    this.rows++;
  }

  /** Writes a segment of `shape`: cells by series, then field; undefined is no value. Values have their field's type. */
  segment(shape: Shape, cells: readonly (FieldValue | undefined)[]): void {
    const width = shape.fields.length;
    const nulls = cells.includes(undefined);
    const big = cells.some((cell) => typeof cell === 'bigint');
    const start = this.beginSegment(shape.id, (nulls ? bitmapBytes(shape) : 0) + cells.length * 8);
    if (nulls) this.#bitmap(cells);
    for (let row = 0; row < shape.sids.length; row++) {
      for (let column = 0; column < shape.numbers; column++) {
        const cell = cells[row * width + column] ?? 0;
        if (big && shape.fields[column]?.type === 'int') this.view.setBigInt64(this.length, BigInt(cell), true);
        else this.view.setFloat64(this.length, cell as number, true);
        this.length += 8;
      }
    }
    for (let row = 0; row < shape.sids.length; row++) {
      for (let column = shape.numbers; column < shape.numbers + shape.bools; column++) {
        this.bytes[this.length++] = cells[row * width + column] === true ? 1 : 0;
      }
    }
    for (let row = 0; row < shape.sids.length; row++) {
      for (let column = width - shape.texts; column < width; column++) this.text((cells[row * width + column] ?? '') as string);
    }
    this.endSegment(start, (nulls ? SEGMENT_NULLS : 0) | (big ? SEGMENT_BIG : 0));
  }

  /** Returns where the segment began. Room for `bytes` of body is made; strings make their own. */
  beginSegment(shape: number, bytes: number): number {
    this.ensure(SEGMENT_HEAD + bytes);
    const start = this.length;
    this.view.setUint32(start, shape, true);
    this.length += SEGMENT_HEAD;
    return start;
  }

  endSegment(start: number, flags: number): void {
    this.view.setUint32(start + 4, this.length - start - SEGMENT_HEAD, true);
    this.view.setUint8(start + 8, flags);
  }

  text(text: string): void {
    const { length } = text;
    this.ensure(4 + 3 * length);
    const start = this.length + 4;
    let at = start;
    const { bytes } = this;
    // Most strings are short and ASCII: a call into native code would cost more than the loop.
    if (length <= 48) {
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= 128) {
          at = start;
          break;
        }
        bytes[at++] = code;
      }
    }
    if (at === start && length > 0) at += bytes.write(text, start, 'utf8');
    this.view.setUint32(this.length, at - start, true);
    this.length = at;
  }

  #bitmap(cells: readonly (FieldValue | undefined)[]): void {
    for (let i = 0; i < cells.length; i += 8) {
      let bits = 0;
      for (let j = i; j < Math.min(i + 8, cells.length); j++) if (cells[j] !== undefined) bits |= 1 << (j - i);
      this.bytes[this.length++] = bits;
    }
  }
}
