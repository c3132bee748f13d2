import { errorCode, writeAll } from './file-system.ts';
import { encodeFrame, encodeHeader, FRAME_BYTES, HEADER_BYTES } from './frame.ts';
import type { FreeSpace } from './free-space.ts';
import { JournalError, type Position } from './journal.ts';
import type { LogState } from './log-state.ts';
import { type Segment, segmentPath } from './segment.ts';

/** A call of `append` that waits. */
export interface Append {
  readonly records: readonly Uint8Array[];
  /** Of its frames. */
  readonly bytes: number;
  readonly resolve: (positions: Position[]) => void;
  readonly reject: (error: JournalError) => void;
}

export interface WriterLimits {
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly now: () => number;
}

/** So much is written in one go at most, beside a call that is larger by itself. */
const GROUP_BYTES = 1024 * 1024;
const MAX_TIME = 2 ** 48 - 1;

export const bytesOf = (records: readonly Uint8Array[]): number => records.reduce((bytes, { length }) => bytes + FRAME_BYTES + length, 0);

/** Writes calls that wait together in one go. One group at a time: its caller sees to that. */
export class SegmentWriter {
  readonly #log: LogState;
  readonly #freeSpace: FreeSpace;
  readonly #limits: WriterLimits;
  /** Of the active segment, until it is written with the first records. */
  #header: Buffer = Buffer.alloc(0);

  constructor(log: LogState, freeSpace: FreeSpace, limits: WriterLimits) {
    this.#log = log;
    this.#freeSpace = freeSpace;
    this.#limits = limits;
  }

  /** Writes a few of the calls, the first ones, and takes them off the list; every one of them is told. Never rejects. */
  async writeSome(waiting: Append[]): Promise<void> {
    let group = await this.#admit(take(waiting, GROUP_BYTES));
    while (group.length > 0) {
      let part = group;
      try {
        const segment = await this.#segmentFor(group[0]?.bytes ?? 0);
        part = take([...group], this.#limits.segmentBytes - Math.max(segment.end, HEADER_BYTES));
        group = group.slice(part.length);
        if (!(await this.#write(segment, part))) group = [...part, ...group];
      } catch (error) {
        if (part === group) group = [];
        for (const { reject } of part) reject(error as JournalError);
      }
    }
  }

  /** Those for which there is room; the others are told. */
  async #admit(group: readonly Append[]): Promise<Append[]> {
    const admitted: Append[] = [];
    let bytes = 0;
    for (const append of group) {
      // Each may be the first of a segment.
      const more = append.bytes + HEADER_BYTES;
      const refusal = await this.#refusal(bytes + more);
      if (refusal !== null) {
        append.reject(new JournalError('full', refusal));
        continue;
      }
      bytes += more;
      admitted.push(append);
    }
    return admitted;
  }

  async #refusal(bytes: number): Promise<string | null> {
    for (;;) {
      const refusal =
        this.#log.bytes + bytes > this.#limits.maxBytes
          ? `the journal in ${this.#log.folder} has reached its ${this.#limits.maxBytes} bytes: release what is done with, or give it more`
          : await this.#freeSpace.refusal(bytes);
      if (refusal === null || !(await this.#log.setAside.dropOldest())) return refusal;
      this.#freeSpace.forget();
    }
  }

  /** The one to append to, a new one if need be. Rejects with JournalError `io`. */
  async #segmentFor(bytes: number): Promise<Segment> {
    const { active } = this.#log;
    if (active !== undefined && (active.records === 0 || active.end + bytes <= this.#limits.segmentBytes)) return active;
    const last = this.#log.segments.at(-1);
    if (last !== undefined) {
      last.sealed = true;
      // The disk may do now what it would not do when the write failed.
      if (last.size > last.end && last.file !== null) await this.#cut(last);
      await this.#log.letGo(last);
    }
    const segment = await this.#create();
    await this.#dropEmpty();
    return segment;
  }

  async #create(): Promise<Segment> {
    const { fileSystem, folder } = this.#log;
    const number = this.#log.next++;
    const path = segmentPath(folder, number);
    const { header, salt } = encodeHeader(number);
    const file = await fileSystem
      .open(path, 'create')
      .catch(async (error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error;
        await fileSystem.makeFolder(folder);
        return fileSystem.open(path, 'create');
      })
      .catch((error: unknown) => {
        throw this.#log.failure('make', path, error);
      });
    this.#header = header;
    const segment: Segment = {
      ...{ number, path, salt, end: 0, size: 0, records: 0, firstAt: null, lastAt: null },
      ...{ file, synced: 0, sealed: false, broken: false, damaged: false, releasing: false, failingSince: null },
    };
    this.#log.segments.push(segment);
    this.#log.folderDirty = true;
    return segment;
  }

  /** Those without records were kept for their number, which the new one now keeps. */
  async #dropEmpty(): Promise<void> {
    for (const segment of this.#log.segments.slice(0, -1)) {
      if (segment.records > 0 || segment.damaged) continue;
      try {
        this.#log.dirty.delete(segment);
        await this.#log.letGo(segment);
        await this.#log.fileSystem.remove(segment.path);
      } catch {
        continue;
      }
      this.#log.segments.splice(this.#log.segments.indexOf(segment), 1);
    }
  }

  /** False if the segment turned out to be damaged meanwhile, so that nobody could read what was written. Rejects with JournalError `io`. */
  async #write(segment: Segment, appends: readonly Append[]): Promise<boolean> {
    const { file, end: start } = segment;
    if (file === null) return false;
    const at = Math.min(Math.max(Math.trunc(this.#limits.now()), 0), MAX_TIME);
    const head = start === 0 ? this.#header : Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(appends.reduce((sum, append) => sum + append.bytes, head.length));
    head.copy(bytes);
    let used = head.length;
    const positions = appends.map(({ records }) =>
      records.map((record) => {
        const position = { segment: segment.number, offset: start + used };
        used = encodeFrame(bytes, used, record, at, position.offset, segment.salt);
        return position;
      }),
    );
    segment.size = start + used;
    this.#log.dirty.add(segment);
    try {
      await writeAll(file, bytes, start);
    } catch (error) {
      // A disk that is merely full has done nothing to the file; after any other error it is not to be trusted.
      if (errorCode(error) !== 'ENOSPC' && errorCode(error) !== 'EDQUOT') segment.sealed = true;
      await this.#cut(segment);
      throw this.#log.failure('append to', segment.path, error);
    }
    if (segment.end !== start) return false;
    this.#log.dirty.add(segment);
    this.#log.tally.works();
    this.#freeSpace.wrote(used);
    segment.end = start + used;
    segment.firstAt ??= at;
    segment.lastAt = at;
    for (const { records } of appends) segment.records += records.length;
    for (const [index, { resolve }] of appends.entries()) resolve(positions[index] ?? []);
    return true;
  }

  /** Cuts off what was not wholly written, lest a later record lie behind it. */
  async #cut(segment: Segment): Promise<void> {
    try {
      await segment.file?.truncate(segment.end);
      segment.size = segment.end;
    } catch (error) {
      segment.sealed = true;
      this.#log.failure('cut', segment.path, error);
    }
  }
}

/** Takes calls off the front of the list, at least one, as many as fit. */
function take(list: Append[], room: number): Append[] {
  let count = 0;
  let bytes = 0;
  while (count < list.length) {
    bytes += list[count]?.bytes ?? 0;
    if (count > 0 && bytes > room) break;
    count++;
  }
  return list.splice(0, count);
}
