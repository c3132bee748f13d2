import type { ByteReader, ByteWriter } from './binary.ts';
import { DamagedError } from './binary.ts';

/** Bits that a whole number 0 <= x <= 2^53 - 1 takes. */
export function bitWidth(x: number): number {
  return x < 4294967296 ? 32 - Math.clz32(x) : 64 - Math.clz32(Math.floor(x / 4294967296));
}

/** Appends source[from..to) - base, each in `width` bits (0..53), low bits first. Differences must fit. */
export function packBits(out: ByteWriter, source: Float64Array, from: number, to: number, base: number, width: number): void {
  if (width === 0) return;
  out.ensure(Math.ceil(((to - from) * width) / 8) + 1);
  const bytes = out.bytes;
  let at = out.length;
  let held = 0;
  let bits = 0;
  if (width <= 24) {
    for (let i = from; i < to; i++) {
      held |= ((source[i] as number) - base) << bits;
      bits += width;
      while (bits >= 8) {
        bytes[at++] = held;
        held >>>= 8;
        bits -= 8;
      }
    }
  } else {
    for (let i = from; i < to; i++) {
      let rest = (source[i] as number) - base;
      let left = width;
      while (left > 0) {
        const take = Math.min(8 - bits, left);
        const low = rest % (1 << take);
        held |= low << bits;
        rest = (rest - low) / (1 << take);
        bits += take;
        left -= take;
        if (bits === 8) {
          bytes[at++] = held;
          held = 0;
          bits = 0;
        }
      }
    }
  }
  if (bits > 0) bytes[at++] = held;
  out.length = at;
}

/** Reads what packBits wrote into target[from..to), `base` added. Throws DamagedError. */
export function unpackBits(input: ByteReader, target: Float64Array, from: number, to: number, base: number, width: number): void {
  if (width === 0) {
    target.fill(base, from, to);
    return;
  }
  if (width > 53) throw new DamagedError(`a width of ${width} bits`);
  const bytes = input.bytes;
  let bit = input.skip(Math.ceil(((to - from) * width) / 8)) * 8;
  if (width <= 24) {
    const mask = (1 << width) - 1;
    for (let i = from; i < to; i++) {
      const at = bit >>> 3;
      const word =
        (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
      target[i] = base + ((word >>> (bit & 7)) & mask);
      bit += width;
    }
    return;
  }
  for (let i = from; i < to; i++) {
    let value = 0;
    let scale = 1;
    let left = width;
    while (left > 0) {
      const shift = bit & 7;
      const take = Math.min(8 - shift, left);
      value += (((bytes[bit >>> 3] as number) >> shift) & ((1 << take) - 1)) * scale;
      scale *= 1 << take;
      bit += take;
      left -= take;
    }
    target[i] = base + value;
  }
}
