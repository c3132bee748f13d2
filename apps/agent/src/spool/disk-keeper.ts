import type { Gap } from '@hostwire/collectors';
import type { Journal, Position, StoredRecord } from '@hostwire/journal';
import type { Logger } from '@hostwire/service';
import type { TickClock } from '../tick-clock.ts';
import { GapLedger } from './gap-ledger.ts';
import { NoteWriter } from './note-writer.ts';
import type { Notes } from './notes.ts';
import { encodeRecord } from './record.ts';
import type { Ring } from './ring.ts';
import type { Entry, SampleIndex } from './sample-index.ts';
import { SpoolDisk } from './spool-disk.ts';
import { SyncWatch } from './sync-watch.ts';

export interface DiskKeeperOptions {
  readonly journal: Journal;
  readonly index: SampleIndex;
  readonly ring: Ring;
  readonly ledger: GapLedger;
  readonly boot: string;
  readonly clock: TickClock;
  readonly logger: Logger;
  /** The journal's. */
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly gapAt: Position | null;
  /** The oldest segment that could not be read at the start: what it holds waits for the next one. */
  readonly unread: number | null;
  readonly hungMs: number;
  readonly retryMs: number;
  readonly syncMs: number;
  readonly noteMs: number;
  /** Takes an entry out and counts it as missing for want of room. */
  readonly drop: (entry: Entry) => void;
  /** A sample's JSON; rejects if the disk does not answer. */
  readonly read: (entry: Entry) => Promise<string | null>;
}

/** Brings samples from memory to the disk, and what becomes of them; makes room; gives back what is no longer needed. */
export class DiskKeeper {
  readonly #options: DiskKeeperOptions;
  readonly #disk: SpoolDisk;
  readonly #writer: NoteWriter;
  readonly #sync: SyncWatch;
  /** Room that was made last time did not help. */
  #starved = false;
  #flushing: Promise<void> | null = null;
  #dropping: Promise<boolean> | null = null;

  constructor(options: DiskKeeperOptions) {
    this.#options = options;
    this.#disk = new SpoolDisk({ ...options, onRetry: () => void this.#flush() });
    this.#writer = new NoteWriter({
      ...options,
      disk: this.#disk,
      untold: () => this.#untold(),
      onWritten: () => this.#releaseDone(),
    });
    this.#sync = new SyncWatch({ ...options, disk: this.#disk, again: (entries) => this.#writeAgain(entries) });
  }

  get bytes(): number {
    return this.#disk.journal.stats().bytes;
  }

  get ioErrors(): number {
    return this.#disk.ioErrors;
  }

  /** Without what the journal set aside: it gives that up itself before it lacks room. */
  get #recordBytes(): number {
    const { bytes, setAsideBytes } = this.#disk.journal.stats();
    return bytes - setAsideBytes;
  }

  /** What is to be written about entries that lie on disk; `noteSoon` writes it. */
  get notes(): Notes {
    return this.#writer.notes;
  }

  noteSoon(): void {
    this.#writer.writeSoon();
  }

  /** Resolves when all notes are written, or the disk refuses or hangs. Never rejects. */
  noteNow(): Promise<void> {
    return this.#disk.inTime(this.#writer.write());
  }

  /** Resolves when the entry is on disk, or in memory because the disk refuses or hangs. Never rejects. */
  async keep(entry: Entry): Promise<void> {
    if (!this.#disk.ready) return;
    const written = this.#write([entry]).then((done) => {
      if (!done) this.#disk.retrySoon(0);
    });
    await this.#disk.inTime(written);
  }

  /** Rejects with JournalError `io`. */
  readAt(position: Position): Promise<StoredRecord | null> {
    return this.#disk.readAt(position);
  }

  /** Fsyncs what waits for long. */
  look(): void {
    void this.#sync.look();
  }

  async close(): Promise<void> {
    this.#writer.close();
    await this.#flush();
    await this.#writer.write();
    await this.#disk.close();
  }

  /** Hands entries to the disk; false if it refuses. Never rejects. */
  async #write(entries: readonly Entry[]): Promise<boolean> {
    const { index, ring, maxBytes, segmentBytes } = this.#options;
    for (const entry of entries) entry.writing = true;
    const positions = await this.#disk.append(entries.map((entry) => this.#encode(entry)));
    for (const entry of entries) entry.writing = false;
    if (positions === null) return false;
    this.#starved = false;
    for (const [at, entry] of entries.entries()) {
      const position = positions[at];
      ring.delete(entry);
      if (entry.gone) this.notes.acknowledged(entry.run, entry.seq);
      else if (position !== undefined) index.place(entry, position.segment, position.offset);
    }
    if (this.#recordBytes > maxBytes - segmentBytes) void this.#dropOldest();
    return true;
  }

  #encode({ run, seq, tier, time, interval, monotonic, boot, sure, gaps, text }: Entry): Buffer {
    const low = this.#options.index.first(run) ?? seq;
    return encodeRecord({ kind: 'sample', run, seq, tier, time, interval, monotonic, boot, sure, low, gaps, text: text ?? '' });
  }

  /** Brings what waits in memory to the disk. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#flushRing().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flushRing(): Promise<void> {
    const { ring, segmentBytes } = this.#options;
    const disk = this.#disk;
    if (ring.nearlyFull) this.#starved = false;
    while (!disk.hung) {
      // No more than fits into the room that a segment leaves.
      const batch = ring.waiting(segmentBytes / 2);
      if (batch.length === 0) {
        await this.#writer.write();
        await this.#releaseDone();
        if (!this.notes.empty) break;
        if (ring.waiting(1).length > 0) continue;
        disk.accepted();
        return;
      }
      if (await this.#write(batch)) continue;
      // Room helps only if it is room that lacks, and if nobody else takes it at once.
      if (this.#starved || !disk.lacksRoom || !(await this.#dropOldest())) break;
      this.#starved = true;
    }
    disk.retrySoon();
  }

  /** Gives up the oldest segment for room; false if there is only the one that is being written. */
  #dropOldest(): Promise<boolean> {
    this.#dropping ??= this.#dropSegments().finally(() => {
      this.#dropping = null;
    });
    return this.#dropping;
  }

  async #dropSegments(): Promise<boolean> {
    const { index, drop, maxBytes, segmentBytes } = this.#options;
    const { journal } = this.#disk;
    let dropped = false;
    // More than one where less room is allowed than an earlier run had.
    while (journal.first.segment < journal.end.segment && (!dropped || this.#recordBytes > maxBytes - segmentBytes)) {
      const { first, end } = journal;
      const next = journal.segments().find(({ segment }) => segment > first.segment)?.segment ?? end.segment;
      const doomed = [...index.all()].filter(({ segment }) => segment >= 0 && segment < next);
      for (const entry of doomed) drop(entry);
      if (doomed.length > 0) {
        // Before the segment goes, so that a run that is killed in between neither forgets them nor counts them twice.
        this.notes.droppedBefore(next);
        await this.#writer.write();
      }
      if (!(await this.#disk.release({ segment: next, offset: 0 }))) return dropped;
      dropped = true;
    }
    return dropped;
  }

  /** Gaps that no sample on disk tells. */
  #untold(): Gap[] {
    const { ledger, ring } = this.#options;
    const untold = new GapLedger();
    for (const gap of ledger.waiting()) untold.add(gap);
    for (const { gaps, writing } of ring.entries()) if (!writing) for (const gap of gaps) untold.add(gap);
    return untold.waiting();
  }

  /** Gives back the segments that hold nothing that is still needed. */
  async #releaseDone(): Promise<void> {
    const disk = this.#disk;
    if (disk.hung) return;
    const { end, first } = disk.journal;
    const oldest = this.#options.index.oldestSegment();
    const { unread } = this.#options;
    const pinned = this.#untold().length === 0 ? null : (this.#writer.gapAt?.segment ?? null);
    const unseen = unread !== null && unread >= first.segment ? unread : null;
    const needed = Math.min(oldest ?? end.segment, pinned ?? end.segment, unseen ?? end.segment);
    const idle = oldest === null && pinned === null && unseen === null && !disk.busy && this.notes.empty;
    if (idle && (disk.journal.segments().at(-1)?.bytes ?? 0) >= this.#options.segmentBytes / 2) await disk.release(end);
    else if (needed > first.segment) await disk.release({ segment: needed, offset: 0 });
  }

  /** What the disk did not make durable goes back to memory, and from there into another segment. */
  async #writeAgain(entries: readonly Entry[]): Promise<void> {
    const { index, ring, read } = this.#options;
    for (const entry of entries) {
      if (ring.nearlyFull) break;
      const text = await read(entry).catch(() => null);
      if (text === null || entry.gone || entry.text !== null) continue;
      index.place(entry, -1, -1);
      ring.add(entry, text);
      // Its second record will take off what it tells once more, so what is untold is written after it.
      if (entry.gaps.length > 0) this.notes.gapsChanged();
    }
    this.#disk.retrySoon(0);
  }
}
