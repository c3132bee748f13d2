import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/*
 * A segment file, little endian:
 *   header  6 bytes "HWJRNL", u16 version, u64 number of the segment, u32 salt, u32 CRC of these 20 bytes
 *   frames  u16 mark, u48 append time (ms since the epoch), u32 length, u32 CRC, then the record
 * A frame's CRC goes over its first 12 bytes and the record, and starts from salt XOR offset: bytes of another file, or
 * of another place in this one, never pass for a frame.
 */
export const HEADER_BYTES = 24;
export const FRAME_BYTES = 16;
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;

const MAGIC = Buffer.from('HWJRNL');
const VERSION = 1;
const MARK = 0xf4a5;
export const MARK_BYTES = Buffer.from([MARK & 0xff, MARK >> 8]);

/** A new segment's header, and the salt in it. */
export function encodeHeader(segment: number): { readonly header: Buffer; readonly salt: number } {
  const header = Buffer.alloc(HEADER_BYTES);
  const salt = randomBytes(4).readUInt32LE();
  MAGIC.copy(header);
  header.writeUInt16LE(VERSION, 6);
  header.writeBigUInt64LE(BigInt(segment), 8);
  header.writeUInt32LE(salt, 16);
  header.writeUInt32LE(crc32(header.subarray(0, 20)), 20);
  return { header, salt };
}

/** The salt; null if this is no whole header of that segment. */
export function decodeHeader(bytes: Buffer, segment: number): number | null {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 6).equals(MAGIC) || bytes.readUInt16LE(6) !== VERSION) return null;
  if (bytes.readBigUInt64LE(8) !== BigInt(segment) || bytes.readUInt32LE(20) !== crc32(bytes.subarray(0, 20))) return null;
  return bytes.readUInt32LE(16);
}

/** Writes a frame at `at` of the buffer, which will be at `offset` of the file; returns where the next one begins in the buffer. */
export function encodeFrame(into: Buffer, at: number, record: Uint8Array, appendedAt: number, offset: number, salt: number): number {
  into.writeUInt16LE(MARK, at);
  into.writeUIntLE(appendedAt, at + 2, 6);
  into.writeUInt32LE(record.length, at + 8);
  into.set(record, at + FRAME_BYTES);
  const end = at + FRAME_BYTES + record.length;
  into.writeUInt32LE(frameCrc(into, at, end, offset, salt), at + 12);
  return end;
}

export interface Frame {
  readonly appendedAt: number;
  /** A view of the buffer that it was read from. */
  readonly record: Buffer;
  /** Bytes of the frame, header included. */
  readonly size: number;
}

/** The frame at `at` of the buffer, which is at `offset` of the file; a number: how many bytes it takes to tell; null: damaged. */
export function decodeFrame(bytes: Buffer, at: number, offset: number, salt: number): Frame | number | null {
  const left = bytes.length - at;
  if (left < FRAME_BYTES) return FRAME_BYTES;
  if (bytes.readUInt16LE(at) !== MARK) return null;
  const length = bytes.readUInt32LE(at + 8);
  if (length > MAX_RECORD_BYTES) return null;
  const size = FRAME_BYTES + length;
  if (left < size) return size;
  if (bytes.readUInt32LE(at + 12) !== frameCrc(bytes, at, at + size, offset, salt)) return null;
  return { appendedAt: bytes.readUIntLE(at + 2, 6), record: bytes.subarray(at + FRAME_BYTES, at + size), size };
}

function frameCrc(bytes: Buffer, at: number, end: number, offset: number, salt: number): number {
  const head = crc32(bytes.subarray(at, at + 12), (salt ^ offset) >>> 0);
  return crc32(bytes.subarray(at + FRAME_BYTES, end), head);
}
