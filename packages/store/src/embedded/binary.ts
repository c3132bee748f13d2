/** Bytes that do not hold what they should: a damaged chunk or row. The reader leaves it out and reports it. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
  readonly code = 'damaged';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A growing byte buffer. Integers are varints (7 bits a byte, low first), signed ones zigzag; doubles little endian. */
export class ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  u8(value: number): void {
    this.ensure(1);
    this.bytes[this.length++] = value;
  }

  /** 0 <= value <= 2^53 - 1. */
  varint(value: number): void {
    this.ensure(8);
    let rest = value;
    while (rest >= 128) {
      const low = rest % 128;
      this.bytes[this.length++] = low | 128;
      rest = (rest - low) / 128;
    }
    this.bytes[this.length++] = rest;
  }

  /** A signed integer, |value| <= 2^53 - 1: the sign in the first byte's low bit. */
  signed(value: number): void {
    const negative = value < 0;
    const size = negative ? -value : value;
    const low = size % 64;
    this.ensure(9);
    const rest = (size - low) / 64;
    this.bytes[this.length++] = (negative ? 1 : 0) | (low << 1) | (rest > 0 ? 128 : 0);
    if (rest > 0) this.varint(rest);
  }

  f64(value: number): void {
    this.ensure(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  i64(value: bigint): void {
    this.ensure(8);
    this.view.setBigInt64(this.length, value, true);
    this.length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.ensure(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** UTF-8 with its length before it. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}

/** Reads what ByteWriter wrote. Every method throws DamagedError rather than pass the end. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves past `count` bytes and returns where they begin. */
  skip(count: number): number {
    const at = this.offset;
    if (!(count >= 0 && at + count <= this.bytes.length)) throw new DamagedError('ends too early');
    this.offset = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.skip(1)] as number;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new DamagedError('integer too long');
  }

  signed(): number {
    const first = this.u8();
    let size = (first >> 1) & 63;
    if (first >= 128) size += this.varint() * 64;
    if (size > Number.MAX_SAFE_INTEGER) throw new DamagedError('integer too long');
    return (first & 1) === 1 ? -size : size;
  }

  f64(): number {
    return this.view.getFloat64(this.skip(8), true);
  }

  i64(): bigint {
    return this.view.getBigInt64(this.skip(8), true);
  }

  raw(count: number): Uint8Array {
    const at = this.skip(count);
    return this.bytes.subarray(at, at + count);
  }

  text(): string {
    return decoder.decode(this.raw(this.varint()));
  }
}
