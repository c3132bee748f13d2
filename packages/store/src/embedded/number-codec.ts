import type { ByteReader, ByteWriter } from './binary.ts';
import { DamagedError } from './binary.ts';
import { bitWidth, packBits, unpackBits } from './bit-pack.ts';

/*
 * A vector of doubles, lossless (also -0, NaN). First byte: 0x00 + k: decimal, x * 10^k are whole numbers, each less the
 * smallest packed; 0x08 + k: the same of the differences; 0x10: all are equal; 0x11: 8 bytes each; 0x12: XOR with the
 * one before, only the bytes that are not zero.
 */
const DELTA = 0x08;
const CONST = 0x10;
const RAW = 0x11;
const XOR = 0x12;
const POWERS = [1, 10, 100, 1000, 10000] as const;
const MAX = Number.MAX_SAFE_INTEGER;

let scaled = new Float64Array(4096);
let deltas = new Float64Array(4096);

/** What of a vector the encoder learned on its way; `decimals` null: not decimal, `scaled` does not hold. */
export interface NumberStats {
  readonly decimals: number | null;
  /** x * 10^decimals, first n; valid until the next call. */
  readonly scaled: Float64Array;
  readonly constant: boolean;
}

/** Appends x[0..n), n >= 1. */
export function encodeNumbers(out: ByteWriter, x: Float64Array, n: number): NumberStats {
  if (scaled.length < n) {
    scaled = new Float64Array(n * 2);
    deltas = new Float64Array(n * 2);
  }
  const first = x[0] as number;
  let same = 1;
  while (same < n && Object.is(x[same], first)) same++;
  if (same === n) {
    out.u8(CONST);
    out.f64(first);
    return { decimals: null, scaled, constant: true };
  }
  const decimals = scale(x, n);
  if (decimals !== null && encodeDecimal(out, decimals, n)) return { decimals, scaled, constant: false };
  encodeXor(out, x, n);
  return { decimals: null, scaled, constant: false };
}

/** Fills `scaled` with the smallest power of ten that makes all of x whole; null if none does. */
function scale(x: Float64Array, n: number): number | null {
  for (let k = 0; k < POWERS.length; k++) {
    const power = POWERS[k] as number;
    let i = 0;
    for (; i < n; i++) {
      const value = x[i] as number;
      const whole = Math.round(value * power);
      if (whole / power !== value || whole > MAX || whole < -MAX || (whole === 0 && 1 / value < 0)) break;
      scaled[i] = whole;
    }
    if (i === n) return k;
  }
  return null;
}

function encodeDecimal(out: ByteWriter, decimals: number, n: number): boolean {
  const first = scaled[0] as number;
  let min = first;
  let max = first;
  let before = first;
  let minDelta = Number.POSITIVE_INFINITY;
  let maxDelta = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < n; i++) {
    const value = scaled[i] as number;
    const delta = value - before;
    before = value;
    deltas[i] = delta;
    if (value < min) min = value;
    if (value > max) max = value;
    if (delta < minDelta) minDelta = delta;
    if (delta > maxDelta) maxDelta = delta;
  }
  // Beyond 2^53 a difference would be rounded.
  const offsetWidth = max - min <= MAX ? bitWidth(max - min) : 64;
  const deltaWidth = minDelta >= -MAX && maxDelta <= MAX && maxDelta - minDelta <= MAX ? bitWidth(maxDelta - minDelta) : 64;
  const width = Math.min(offsetWidth, deltaWidth);
  if (width > 53) return false;
  if (deltaWidth < offsetWidth) {
    out.u8(DELTA | decimals);
    out.u8(width);
    out.signed(minDelta);
    out.signed(first);
    packBits(out, deltas, 1, n, minDelta, width);
  } else {
    out.u8(decimals);
    out.u8(width);
    out.signed(min);
    packBits(out, scaled, 0, n, min, width);
  }
  return true;
}

function encodeXor(out: ByteWriter, x: Float64Array, n: number): void {
  const start = out.length;
  out.ensure(1 + 9 * n);
  out.u8(XOR);
  const { bytes, view } = out;
  let at = out.length;
  let high = 0;
  let low = 0;
  for (let i = 0; i < n && at - start <= 8 * n; i++) {
    view.setFloat64(at + 1, x[i] as number, false);
    const nextHigh = view.getUint32(at + 1, false);
    const nextLow = view.getUint32(at + 5, false);
    const xorHigh = (nextHigh ^ high) >>> 0;
    const xorLow = (nextLow ^ low) >>> 0;
    high = nextHigh;
    low = nextLow;
    if (xorHigh === 0 && xorLow === 0) {
      bytes[at++] = 0;
      continue;
    }
    const leading = (xorHigh !== 0 ? Math.clz32(xorHigh) : 32 + Math.clz32(xorLow)) >> 3;
    const trailing = (xorLow !== 0 ? trailingZeros(xorLow) : 32 + trailingZeros(xorHigh)) >> 3;
    view.setUint32(at + 1, xorHigh, false);
    view.setUint32(at + 5, xorLow, false);
    const count = 8 - leading - trailing;
    bytes[at] = (leading << 4) | count;
    bytes.copyWithin(at + 1, at + 1 + leading, at + 1 + leading + count);
    at += 1 + count;
  }
  if (at - start <= 8 * n) {
    out.length = at;
    return;
  }
  out.length = start;
  out.u8(RAW);
  for (let i = 0; i < n; i++) out.f64(x[i] as number);
}

function trailingZeros(x: number): number {
  return 31 - Math.clz32(x & -x);
}

/** Reads n numbers into target[0..n). Throws DamagedError. */
export function decodeNumbers(input: ByteReader, target: Float64Array, n: number): void {
  const codec = input.u8();
  if (codec === CONST) {
    target.fill(input.f64(), 0, n);
  } else if (codec === RAW) {
    let at = input.skip(8 * n);
    for (let i = 0; i < n; i++, at += 8) target[i] = input.view.getFloat64(at, true);
  } else if (codec === XOR) {
    decodeXor(input, target, n);
  } else {
    const power = POWERS[codec & 7];
    if (codec > 0x0f || power === undefined) throw new DamagedError(`codec ${codec} is not known`);
    const width = input.u8();
    if ((codec & DELTA) === 0) {
      unpackBits(input, target, 0, n, input.signed(), width);
    } else {
      const minDelta = input.signed();
      let value = input.signed();
      unpackBits(input, target, 1, n, minDelta, width);
      target[0] = value;
      for (let i = 1; i < n; i++) {
        value += target[i] as number;
        target[i] = value;
      }
    }
    if (power !== 1) for (let i = 0; i < n; i++) target[i] = (target[i] as number) / power;
  }
}

const word = new DataView(new ArrayBuffer(8));

function decodeXor(input: ByteReader, target: Float64Array, n: number): void {
  word.setFloat64(0, 0);
  for (let i = 0; i < n; i++) {
    const control = input.u8();
    const leading = control >> 4;
    const count = control & 15;
    if (leading + count > 8) throw new DamagedError('XOR control byte');
    const at = input.skip(count);
    for (let j = 0; j < count; j++) word.setUint8(leading + j, word.getUint8(leading + j) ^ (input.bytes[at + j] as number));
    target[i] = word.getFloat64(0);
  }
}
