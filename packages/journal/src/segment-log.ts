import { writeCursor } from './cursor-file.ts';
import { nodeFileSystem } from './file-system.ts';
import { MAX_RECORD_BYTES } from './frame.ts';
import { FreeSpace } from './free-space.ts';
import {
  comparePositions,
  type Journal,
  JournalError,
  type JournalOptions,
  type JournalStats,
  type Position,
  type SegmentState,
  type StoredRecord,
} from './journal.ts';
import { LogState, Tally } from './log-state.ts';
import { recover } from './recover.ts';
import type { Segment } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentSync } from './segment-sync.ts';
import { type Append, bytesOf, SegmentWriter } from './segment-writer.ts';
import { SerialQueue } from './serial-queue.ts';

const SEGMENT_BYTES = 8 * 1024 * 1024;
/** What waits for a disk that does not keep up, or hangs. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Opens the journal in a folder, whatever is in it: what is damaged is cut off or set aside, and reported. Nothing is
 * made in the folder before the first append. Rejects with JournalError `io` only if the folder cannot be made or listed.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { folder, maxBytes, fileSystem = nodeFileSystem } = options;
  const tally = new Tally((problem) => options.report?.(problem));
  const recovered = await recover(fileSystem, folder, (problem) => tally.report(problem)).catch((cause: unknown) => {
    throw new JournalError('io', `cannot use the folder ${folder} for a journal: see that it can be made and written to`, { cause });
  });
  const log = new LogState(fileSystem, folder, tally, recovered);
  const freeSpace = new FreeSpace(fileSystem, folder, options.minFreeBytes);
  const segmentBytes = Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.floor(maxBytes / 16));
  const writer = new SegmentWriter(log, freeSpace, { maxBytes, segmentBytes, now: options.now ?? Date.now });
  return new SegmentLog(log, writer, freeSpace, maxBytes, recovered.cursor);
}

class SegmentLog implements Journal {
  readonly #log: LogState;
  readonly #writer: SegmentWriter;
  readonly #freeSpace: FreeSpace;
  readonly #maxBytes: number;
  readonly #sync: SegmentSync;
  readonly #reader: SegmentReader;
  // One thread of the pool each at most: a disk that hangs must leave some to the rest of the process.
  readonly #changes = new SerialQueue();
  readonly #reads = new SerialQueue();
  #waiting: Append[] = [];
  #waitingBytes = 0;
  #writing = false;
  #cursor: Position | null;
  #cursorQueued: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  constructor(log: LogState, writer: SegmentWriter, freeSpace: FreeSpace, maxBytes: number, cursor: Position | null) {
    this.#log = log;
    this.#writer = writer;
    this.#freeSpace = freeSpace;
    this.#maxBytes = maxBytes;
    this.#cursor = cursor;
    this.#sync = new SegmentSync(log);
    this.#reader = new SegmentReader(log);
  }

  async append(records: readonly Uint8Array[]): Promise<Position[]> {
    this.#demandOpen();
    if (records.length === 0) return [];
    const bytes = bytesOf(records);
    const largest = Math.min(MAX_RECORD_BYTES, this.#maxBytes);
    if (bytes > this.#maxBytes || records.some(({ length }) => length > largest))
      throw new JournalError('too-large', `a record has at most ${largest} bytes, an append ${this.#maxBytes}: split it`);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES && this.#waitingBytes > 0)
      throw new JournalError('full', `the disk of ${this.#log.folder} does not keep up: ${this.#waitingBytes} bytes wait for it`);
    this.#waitingBytes += bytes;
    try {
      return await new Promise<Position[]>((resolve, reject) => {
        this.#waiting.push({ records, bytes, resolve, reject });
        if (!this.#writing) void this.#changes.run(() => this.#write());
        this.#writing = true;
      });
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  async sync(): Promise<void> {
    this.#demandOpen();
    await this.#sync.sync();
  }

  async read(from: Position, maxBytes: number): Promise<StoredRecord[]> {
    this.#demandOpen();
    return this.#reads.run(() => this.#reader.read(from, maxBytes));
  }

  async readAt(position: Position): Promise<StoredRecord | null> {
    this.#demandOpen();
    return this.#reads.run(() => this.#reader.readAt(position));
  }

  get end(): Position {
    return this.#log.end;
  }

  get first(): Position {
    return this.#log.first;
  }

  segments(): readonly SegmentState[] {
    return this.#log.segments
      .filter((segment) => segment.records > 0 || segment === this.#log.active)
      .map(({ number, end, records, firstAt, lastAt }) => ({ segment: number, bytes: end, records, firstAt, lastAt }));
  }

  async release(before: Position): Promise<void> {
    this.#demandOpen();
    await this.#changes.run(async () => {
      for (const segment of [...this.#log.segments]) {
        const end = { segment: segment.number, offset: segment.end };
        if ((segment.records > 0 || segment.damaged) && comparePositions(end, before) <= 0) await this.#delete(segment);
      }
    });
  }

  get cursor(): Position {
    const { first } = this;
    return this.#cursor === null || comparePositions(this.#cursor, first) < 0 ? first : this.#cursor;
  }

  async setCursor(position: Position): Promise<void> {
    this.#demandOpen();
    this.#cursor = position;
    this.#cursorQueued ??= this.#changes.run(async () => {
      this.#cursorQueued = null;
      const { fileSystem, folder } = this.#log;
      await writeCursor(fileSystem, folder, this.#cursor ?? position).catch((error: unknown) => {
        throw this.#log.failure('write the cursor in', folder, error);
      });
    });
    await this.#cursorQueued;
  }

  stats(): JournalStats {
    const { segments, bytes, setAside, tally } = this.#log;
    return {
      bytes,
      setAsideBytes: setAside.bytes,
      records: segments.reduce((sum, { records }) => sum + records, 0),
      segments: this.segments().length,
      ioErrors: tally.ioErrors,
      tornTails: tally.tornTails,
      badSegments: tally.badSegments,
      syncs: this.#sync.count,
      slowestSyncMs: this.#sync.slowestMs,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#changes.run(async () => undefined);
    await this.#reads.run(async () => undefined);
    await this.#sync.sync().catch(() => undefined);
    await this.#sync.idle();
    this.#log.dirty.clear();
    for (const segment of this.#log.segments) await this.#log.letGo(segment);
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writer.writeSome(this.#waiting);
    this.#writing = false;
  }

  async #delete(segment: Segment): Promise<void> {
    const { dirty, fileSystem, segments, setAside } = this.#log;
    segment.sealed = segment.releasing = true;
    dirty.delete(segment);
    const isLast = segment === segments.at(-1);
    try {
      if (segment.damaged) {
        await this.#log.letGo(segment);
        await setAside.whole(segment);
      } else if (isLast) {
        // It stays, empty, so that its number is not given again.
        const file = segment.file ?? (await fileSystem.open(segment.path, 'write'));
        segment.file = file;
        await file.truncate(0);
        await this.#log.letGo(segment);
      } else {
        await this.#log.letGo(segment);
        await fileSystem.remove(segment.path);
      }
    } catch (error) {
      segment.releasing = false;
      throw this.#log.failure('delete', segment.path, error);
    }
    if (isLast && !segment.damaged) Object.assign(segment, { end: 0, size: 0, records: 0, firstAt: null, lastAt: null, releasing: false });
    else segments.splice(segments.indexOf(segment), 1);
    this.#freeSpace.forget();
  }

  #demandOpen(): void {
    if (this.#closing !== null) throw new JournalError('closed', `the journal in ${this.#log.folder} is closed`);
  }
}
