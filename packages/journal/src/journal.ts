import type { FileSystem } from './file-system.ts';

/** Where a record begins: the number of its segment file and the offset of its frame in it. Positions are ordered. */
export interface Position {
  readonly segment: number;
  /** Bytes. */
  readonly offset: number;
}

export interface StoredRecord {
  readonly position: Position;
  /** Where the next record begins. */
  readonly end: Position;
  /** Ms since the epoch by the clock of the process that appended it. */
  readonly appendedAt: number;
  readonly bytes: Buffer;
}

/** One segment file, oldest first in `Journal.segments()`. */
export interface SegmentState {
  readonly segment: number;
  /** Bytes of whole frames. */
  readonly bytes: number;
  readonly records: number;
  /** Append times of its first and last record, ms since the epoch; null while it is empty. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
}

/** Something that was wrong on disk and was dealt with; nobody has to do anything. */
export interface JournalProblem {
  /**
   * `torn-tail`: cut off. `bad-segment`: what follows the damage was set aside as another file (`*.bad`, the oldest of which
   * make room for records). `bad-cursor`: reading starts over from the oldest record. `io`: a call failed.
   */
  readonly code: 'torn-tail' | 'bad-segment' | 'bad-cursor' | 'io';
  /** One sentence, with the file. */
  readonly message: string;
}

export interface JournalOptions {
  /** Made with mode 0700; its files with 0600. Only one journal at a time may have it: see `lockFolder`. */
  readonly folder: string;
  /** All segments together, and what was set aside. */
  readonly maxBytes: number;
  /** A segment is closed at about this size; default 8 MiB, at most a sixteenth of `maxBytes`. */
  readonly segmentBytes?: number;
  /** So much of the file system stays free; default the smaller of 1 GiB and 10 % of it. */
  readonly minFreeBytes?: number;
  readonly report?: (problem: JournalProblem) => void;
  readonly now?: () => number;
  /** The operating system's; tests give one that fails. */
  readonly fileSystem?: FileSystem;
}

/**
 * An append-only log of records in segment files. Frames carry length and CRC; what was handed to the operating system
 * survives `kill -9` of this process, what was synced survives a power failure.
 */
export interface Journal {
  /**
   * Resolves with the records' positions, in order, when they were handed to the operating system. All or nothing.
   * Rejects with JournalError `full` (size, or the disk's free space), `io` (ENOSPC, EIO, ...), `too-large`, `closed`.
   * Calls made at once are written in one go, in the order of the calls. The bytes are not copied before they are written:
   * leave them alone until then.
   */
  append(records: readonly Uint8Array[]): Promise<Position[]>;
  /**
   * Resolves when all whose append had resolved before the call are on disk; calls made at once share an fsync. Rejects
   * with JournalError `io` if the disk refuses: what was appended since the last sync that succeeded is then not durable
   * and must be appended again (a later fsync of the same file would say yes without meaning it, so the segment is closed).
   * Every call that waits then is rejected, whichever records it is for: who shares a journal calls it as soon as `append`
   * has resolved, to hear of that.
   */
  sync(): Promise<void>;
  /** Records from a position on (one that was released: from the oldest kept), at most `maxBytes` of them and at least one if there is one. */
  read(from: Position, maxBytes: number): Promise<StoredRecord[]>;
  /** The record at a position that `append` or `read` gave; null if it was released or is damaged. Rejects with JournalError `io`. */
  readAt(position: Position): Promise<StoredRecord | null>;
  /** Where the next record will go; `first` is the oldest kept. */
  readonly end: Position;
  readonly first: Position;
  segments(): readonly SegmentState[];
  /**
   * Deletes all segments that lie wholly before the position. The one that is being written is closed for it if need be.
   * Rejects with JournalError `io` if one cannot be deleted; it is then still there.
   */
  release(before: Position): Promise<void>;
  /** A position kept in a file of its own beside the segments, `first` if there is none or it is older. Written atomically; not synced: work after it is idempotent. */
  readonly cursor: Position;
  /** Resolves when it is kept. Rejects with JournalError `io`; `cursor` has moved all the same, the file has not. */
  setCursor(position: Position): Promise<void>;
  stats(): JournalStats;
  /** Writes and syncs what waits, then lets go of the files. Never rejects; calls from now on do, with `closed`. */
  close(): Promise<void>;
}

export interface JournalStats {
  /** What counts towards `maxBytes`. */
  readonly bytes: number;
  /** Of these, what was set aside; it makes room for records where that lacks. */
  readonly setAsideBytes: number;
  readonly records: number;
  readonly segments: number;
  /** Failed calls, torn tails and bad segments since the start. */
  readonly ioErrors: number;
  readonly tornTails: number;
  readonly badSegments: number;
  /** Of fsyncs since the start, and the milliseconds of the slowest. */
  readonly syncs: number;
  readonly slowestSyncMs: number;
}

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: 'full' | 'io' | 'too-large' | 'closed' | 'locked';
  constructor(code: JournalError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function comparePositions(a: Position, b: Position): number {
  return a.segment - b.segment || a.offset - b.offset;
}
