import { join } from 'node:path';
import { errorCode, type FileSystem, type OpenFile, readAll, writeAll } from './file-system.ts';
import { decodeFrame, decodeHeader, FRAME_BYTES, type Frame, HEADER_BYTES, MARK_BYTES } from './frame.ts';

const SEGMENT = /^(\d{16})\.seg$/;
const WINDOW_BYTES = 1024 * 1024;
/** What the look for a frame behind damage may cost; records of a stranger can make it long. */
const MAX_SEARCH_BYTES = 64 * 1024 * 1024;

/** A segment file as the journal has it in mind. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly salt: number;
  /** Where its whole frames end; 0 before its header is written. */
  end: number;
  /** What it takes of the disk: more than `end` if something that is not valid could not be cut off. */
  size: number;
  records: number;
  firstAt: number | null;
  lastAt: number | null;
  /** Open for writing; null when nothing is left to write or to sync. */
  file: OpenFile | null;
  /** So much of it is on disk. */
  synced: number;
  /** Nothing is appended to it any more. */
  sealed: boolean;
  /** What was not synced never will be. */
  broken: boolean;
  /** Something that was valid once follows its end. */
  damaged: boolean;
  /** It is being deleted: what a read finds missing is no damage. */
  releasing: boolean;
  /** Since when it cannot be read (`performance.now()`); null if it can. */
  failingSince: number | null;
}

export const segmentPath = (folder: string, number: number): string => join(folder, `${String(number).padStart(16, '0')}.seg`);

/** The number in a segment file's name; null if it is no segment's. */
export function segmentNumber(name: string): number | null {
  const digits = SEGMENT.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Reads a file forward, so that frames can be told from the bytes in memory and only what is missing is awaited. */
export class FileWindow {
  bytes: Buffer = Buffer.alloc(0);
  /** Where `bytes` begins in the file. */
  base = 0;
  readonly #file: OpenFile;
  readonly #limit: number;
  readonly #step: number;

  /** Nothing from `limit` on is read; `step` bytes are read at once if nobody asks for more. */
  constructor(file: OpenFile, limit: number, step = WINDOW_BYTES) {
    this.#file = file;
    this.#limit = limit;
    this.#step = step;
  }

  /** Moves the window to `offset`; false if the file has less than `need` bytes from there. Rejects with the system's error. */
  async fill(offset: number, need: number): Promise<boolean> {
    const left = Math.max(0, this.#limit - offset);
    if (left < need) return false;
    try {
      await this.#read(offset, Math.min(left, Math.max(need, this.#step)));
    } catch (error) {
      // A sector that cannot be read must not take the frames before it along.
      if (errorCode(error) !== 'EIO' || need >= Math.min(left, this.#step)) throw error;
      await this.#read(offset, need);
    }
    return this.bytes.length >= need;
  }

  async #read(offset: number, length: number): Promise<void> {
    const into = Buffer.allocUnsafe(length);
    this.bytes = into.subarray(0, await readAll(this.#file, into, offset));
    this.base = offset;
  }
}

/** The frame at `offset`; null if there is none that is whole and valid. Rejects with the system's error. */
export async function frameAt(window: FileWindow, offset: number, salt: number): Promise<Frame | null> {
  let found = offset < window.base ? FRAME_BYTES : decodeFrame(window.bytes, offset - window.base, offset, salt);
  while (typeof found === 'number') {
    if (!(await window.fill(offset, found))) return null;
    found = decodeFrame(window.bytes, 0, offset, salt);
  }
  return found;
}

export interface Scan {
  /** Null if the header is damaged. */
  readonly salt: number | null;
  /** Where the whole frames end. */
  readonly end: number;
  readonly records: number;
  readonly firstAt: number | null;
  readonly lastAt: number | null;
  /** Why it went no further, when the disk could not be read. */
  readonly error: unknown;
}

/** Goes over the frames of a file until its end or the first damage. Never rejects. */
export async function scan(file: OpenFile, segment: number, size: number, each?: (offset: number) => void): Promise<Scan> {
  const window = new FileWindow(file, size);
  let [end, records] = [0, 0];
  let firstAt: number | null = null;
  let lastAt: number | null = null;
  let salt: number | null = null;
  let error: unknown = null;
  try {
    if (await window.fill(0, HEADER_BYTES)) salt = decodeHeader(window.bytes, segment);
    if (salt !== null) {
      end = HEADER_BYTES;
      while (end < size) {
        const frame = await frameAt(window, end, salt);
        if (frame === null) break;
        each?.(end);
        firstAt ??= frame.appendedAt;
        lastAt = frame.appendedAt;
        records++;
        end += frame.size;
      }
    }
  } catch (caught) {
    error = caught;
  }
  return { salt, end, records, firstAt, lastAt, error };
}

/** Whether a valid frame begins somewhere from `from` on; true also if that takes too long to tell. Rejects with the system's error. */
export async function hasFrameFrom(file: OpenFile, from: number, size: number, salt: number): Promise<boolean> {
  const window = new FileWindow(file, size, Math.max(FRAME_BYTES, size - from));
  if (!(await window.fill(from, FRAME_BYTES))) return false;
  let cost = 0;
  for (let at = window.bytes.indexOf(MARK_BYTES); at >= 0; at = window.bytes.indexOf(MARK_BYTES, at + 1)) {
    const found = decodeFrame(window.bytes, at, from + at, salt);
    if (found !== null && typeof found !== 'number') return true;
    if (at + FRAME_BYTES <= window.bytes.length) cost += Math.min(window.bytes.readUInt32LE(at + 8), window.bytes.length - at);
    if (cost > MAX_SEARCH_BYTES) return true;
  }
  return false;
}

/** Copies a part of a file into a new one, whole or not at all. Rejects with the system's error. */
export async function copyPart(fileSystem: FileSystem, file: OpenFile, from: number, to: number, path: string): Promise<void> {
  const draft = `${path}.tmp`;
  try {
    await fileSystem.remove(draft);
    const copy = await fileSystem.open(draft, 'create');
    try {
      const part = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, to - from));
      for (let at = from; at < to; ) {
        const read = await readAll(file, part.subarray(0, to - at), at);
        if (read === 0) break;
        await writeAll(copy, part.subarray(0, read), at - from);
        at += read;
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
    await fileSystem.rename(draft, path);
  } catch (error) {
    await fileSystem.remove(draft).catch(() => undefined);
    throw error;
  }
}
