import { type Gap, gapRow } from '@hostwire/collectors';
import { comparePositions, type Journal, type Position } from '@hostwire/journal';
import { encodeSample, type Sample } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { Kept, Outbox, OutboxStats, SeqRanges, StoredSample } from '../outbox.ts';
import type { TickClock } from '../tick-clock.ts';
import { GapLedger } from './gap-ledger.ts';
import { Notes } from './notes.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { NO_GAPS, type Restored, timeAt } from './restore.ts';
import { Ring, type RingLimits } from './ring.ts';
import { type Entry, SampleIndex, toRanges } from './sample-index.ts';
import { SpoolDisk, within } from './spool-disk.ts';

export interface SpoolTiming {
  /** A disk that does not answer for this long hangs: samples go out from memory; default 2,000. */
  readonly hungMs?: number;
  /** Between two attempts while the disk refuses; default 2,000. */
  readonly retryMs?: number;
  /** What is unacknowledged for this long is fsynced; default 30,000. */
  readonly syncMs?: number;
  /** Acknowledgements are noted on disk at most this late; default 200. */
  readonly noteMs?: number;
  /** Between two looks at ages; default 5,000. */
  readonly watchMs?: number;
  /** A disk that has not opened the spool by then is done without; default 60,000. */
  readonly openMs?: number;
}

export interface SpoolOptions {
  /** Null: memory only. */
  readonly journal: Journal | null;
  readonly restored?: Restored;
  readonly ledger?: GapLedger;
  readonly boot: string;
  readonly clock: TickClock;
  readonly logger: Logger;
  /** The journal's. */
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly maxAgeMs: number;
  /** What memory takes when the disk does not. */
  readonly ring: RingLimits;
  readonly timing?: SpoolTiming;
}

const CLOSE_MS = 500;
const MAX_SYNC_WAIT_MS = 600_000;

/**
 * Keeps samples on disk until they are acknowledged; in memory while the disk does not take them. What it must give up is
 * counted, and told by the next sample. Nothing that the disk does ends it.
 */
export class Spool implements Outbox {
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk | null;
  readonly #index: SampleIndex;
  readonly #ledger: GapLedger;
  readonly #ring: Ring;
  readonly #notes = new Notes();
  readonly #syncMs: number;
  readonly #noteMs: number;
  readonly #watch: NodeJS.Timeout;
  #noteTimer: NodeJS.Timeout | undefined;
  /** Where the gaps that no sample tells are written. */
  #gapAt: Position | null;
  #gapTime = Number.NEGATIVE_INFINITY;
  /** Up to here all is fsynced. */
  #synced: Position = { segment: 0, offset: 0 };
  #syncAfter = Number.NEGATIVE_INFINITY;
  #syncing = false;
  #syncWaitMs: number;
  /** Room that was made last time did not help. */
  #starved = false;
  #flushing: Promise<void> | null = null;
  #noting: Promise<void> | null = null;
  #dropping: Promise<boolean> | null = null;
  #dropped = 0;
  #reportedDrops = 0;
  #closed = false;

  constructor(options: SpoolOptions) {
    const { journal, restored, ledger, ring, logger } = options;
    const { hungMs = 2_000, retryMs = 2_000, syncMs = 30_000, noteMs = 200, watchMs = 5_000 } = options.timing ?? {};
    this.#options = options;
    this.#disk = journal === null ? null : new SpoolDisk({ journal, logger, hungMs, retryMs, onRetry: () => void this.#flush() });
    this.#index = restored?.index ?? new SampleIndex();
    this.#ledger = ledger ?? new GapLedger();
    this.#ring = new Ring(ring);
    this.#syncMs = syncMs;
    this.#syncWaitMs = syncMs;
    this.#noteMs = noteMs;
    this.#gapAt = restored?.gapAt ?? null;
    this.giveUp(restored?.missed ?? [], 'damaged');
    this.#watch = setInterval(() => {
      this.expire();
      void this.#sync();
    }, watchMs).unref();
  }

  get size(): number {
    return this.#index.size;
  }

  get boot(): string {
    return this.#options.boot;
  }

  stats(): OutboxStats {
    const bytes = (this.#disk?.journal.stats().bytes ?? 0) + this.#ring.bytes;
    return { bytes, samples: this.#index.size, dropped: this.#dropped, ioErrors: this.#disk?.ioErrors ?? 0 };
  }

  append({ v, host, tier, run, seq, time, interval, catalog, data, errors }: Sample, monotonic: number): Kept {
    const told = this.#gapsFor(time);
    const rows = told.length === 0 ? data : { ...data, gap: told.map(gapRow) };
    // In this order, so that the time can be changed in the text.
    const sample: Sample = { v, host, tier, run, seq, time, interval, catalog, data: rows, ...(errors === undefined ? {} : { errors }) };
    const text = encodeSample(sample);
    const { boot, clock } = this.#options;
    const gaps = told.length === 0 ? NO_GAPS : told;
    const named = { run, seq, tier, time, interval, monotonic, boot, sure: clock.sure, gaps };
    const entry: Entry = { ...named, segment: -1, offset: -1, text: null, writing: false, settled: false, gone: false };
    this.#index.add(entry);
    this.#ring.add(entry, text);
    return { stored: entry, text, settled: this.#settle(entry) };
  }

  pending(): Iterator<StoredSample> {
    return this.#index.all();
  }

  named(run: string, ranges: SeqRanges): StoredSample[] {
    return this.#index.named(run, ranges);
  }

  async read({ run, seq }: StoredSample): Promise<string | null> {
    const entry = this.#index.get(run, seq);
    if (entry === undefined) return null;
    if (entry.text !== null) return withTime(entry.text, entry.time);
    const { segment, offset } = entry;
    const found = await this.#disk?.readAt({ segment, offset });
    if (entry.gone) return null;
    const record = found == null ? null : decodeRecord(found.bytes);
    if (record?.kind === 'sample' && record.run === run && record.seq === seq) return withTime(record.text, entry.time);
    // It was written anew meanwhile.
    if (entry.segment !== segment || entry.offset !== offset) return this.read(entry);
    this.giveUp([entry], 'damaged');
    return null;
  }

  async restamp(samples: readonly StoredSample[], zero: number): Promise<void> {
    const byRun = new Map<string, number[]>();
    for (const { run, seq } of samples) {
      const entry = this.#index.get(run, seq);
      if (entry === undefined) continue;
      entry.time = timeAt(zero, entry.monotonic);
      if (!isOnDisk(entry)) continue;
      const seqs = byRun.get(run);
      if (seqs === undefined) byRun.set(run, [seq]);
      else seqs.push(seq);
    }
    for (const [run, seqs] of byRun) this.#notes.restamped({ kind: 'time', run, seqs: toRanges(seqs), zero });
    if (byRun.size > 0) await this.#disk?.inTime(this.#writeNotes());
  }

  giveUp(samples: readonly StoredSample[], reason: Gap['reason']): void {
    for (const { run, seq } of samples) {
      const entry = this.#index.get(run, seq);
      if (entry === undefined) continue;
      if (isOnDisk(entry)) this.#notes.dropped(run, seq);
      else this.#notes.gapsChanged();
      this.#drop(entry, reason);
    }
    if (!this.#notes.empty) this.#writeNotesSoon();
  }

  forget(run: string, ranges: SeqRanges): StoredSample[] {
    const entries = this.#index.named(run, ranges);
    for (const entry of entries) {
      if (isOnDisk(entry)) this.#notes.acknowledged(run, entry.seq);
      this.#remove(entry);
    }
    if (entries.length > 0) this.#writeNotesSoon();
    return entries;
  }

  expire(): void {
    const { clock, boot, maxAgeMs } = this.#options;
    const monotonic = clock.monotonic();
    const now = clock.now();
    const old: Entry[] = [];
    for (const entry of this.#index.all()) {
      // By a clock that nobody has confirmed, all of another boot could be old.
      const age = entry.boot === boot ? monotonic - entry.monotonic : clock.sure ? now - entry.time : 0;
      if (age > maxAgeMs) old.push(entry);
    }
    this.giveUp(old, 'age');
  }

  /** Writes what it can within half a second. Never rejects. */
  async close(): Promise<void> {
    const disk = this.#disk;
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#noteTimer);
    if (disk === null) return;
    const rest = async (): Promise<void> => {
      await this.#flush();
      await this.#writeNotes();
      await disk.close();
    };
    await within(CLOSE_MS, rest());
    const { size } = this.#ring;
    if (size > 0) this.#options.logger.error({ samples: size }, `the spool's disk did not take ${size} samples to the end: they are lost`);
  }

  /** What a sample of this time tells; nothing if another of this time has told: the store keeps one row of a series and time. */
  #gapsFor(time: number): Gap[] {
    if (this.#ledger.empty || time === this.#gapTime) return [];
    this.#gapTime = time;
    return this.#ledger.take();
  }

  #remove(entry: Entry): void {
    this.#ring.delete(entry);
    this.#index.remove(entry);
  }

  /** Counts it as missing, and what it was to tell. */
  #drop(entry: Entry, reason: Gap['reason']): void {
    this.#remove(entry);
    this.#dropped++;
    this.#ledger.add({ reason, from: entry.time, to: entry.time, count: 1 });
    for (const gap of entry.gaps) this.#ledger.add(gap);
  }

  async #settle(entry: Entry): Promise<void> {
    const disk = this.#disk;
    if (disk?.ready) {
      await disk.inTime(
        this.#write(disk, [entry]).then((done) => {
          if (!done) disk.retrySoon(0);
        }),
      );
    }
    entry.settled = true;
    const over = [...this.#ring.overflow()];
    if (over.length === 0) return;
    this.giveUp(over, disk === null ? 'full' : 'disk');
    this.#reportDropped();
  }

  /** Hands entries to the disk; false if it refuses. Never rejects. */
  async #write(disk: SpoolDisk, entries: readonly Entry[]): Promise<boolean> {
    for (const entry of entries) entry.writing = true;
    const positions = await disk.append(entries.map((entry) => this.#encode(entry)));
    for (const entry of entries) entry.writing = false;
    if (positions === null) return false;
    this.#starved = false;
    for (const [at, entry] of entries.entries()) {
      const position = positions[at];
      this.#ring.delete(entry);
      if (entry.gone) this.#notes.acknowledged(entry.run, entry.seq);
      else if (position !== undefined) this.#index.place(entry, position.segment, position.offset);
    }
    const { maxBytes, segmentBytes } = this.#options;
    if (disk.journal.stats().bytes > maxBytes - segmentBytes) void this.#dropOldest(disk);
    return true;
  }

  #encode({ run, seq, tier, time, interval, monotonic, boot, sure, gaps, text }: Entry): Buffer {
    const low = this.#index.first(run) ?? seq;
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
    const disk = this.#disk;
    if (disk === null) return;
    if (this.#ring.nearlyFull) this.#starved = false;
    while (!disk.hung) {
      // No more than fits into the room that a segment leaves.
      const batch = this.#ring.waiting(this.#options.segmentBytes / 2);
      if (batch.length === 0) {
        await this.#writeNotes();
        await this.#releaseDone(disk);
        if (this.#notes.empty && this.#ring.waiting(1).length === 0) {
          disk.accepted();
          return;
        }
        if (this.#notes.empty) continue;
        break;
      }
      if (await this.#write(disk, batch)) continue;
      // Room helps only if it is room that lacks, and if nobody else takes it at once.
      if (this.#starved || !disk.lacksRoom || !(await this.#dropOldest(disk))) break;
      this.#starved = true;
    }
    disk.retrySoon();
  }

  /** Gives up the oldest segment for room; false if there is only the one that is being written. */
  #dropOldest(disk: SpoolDisk): Promise<boolean> {
    this.#dropping ??= this.#dropSegment(disk).finally(() => {
      this.#dropping = null;
    });
    return this.#dropping;
  }

  async #dropSegment(disk: SpoolDisk): Promise<boolean> {
    const { journal } = disk;
    const { maxBytes, segmentBytes } = this.#options;
    let dropped = false;
    // More than one where less room is allowed than an earlier run had.
    while (journal.first.segment < journal.end.segment && (!dropped || journal.stats().bytes > maxBytes - segmentBytes)) {
      const { first, end } = journal;
      const next = journal.segments().find(({ segment }) => segment > first.segment)?.segment ?? end.segment;
      const doomed = [...this.#index.all()].filter(({ segment }) => segment >= 0 && segment < next);
      for (const entry of doomed) this.#drop(entry, 'full');
      if (doomed.length > 0) {
        this.#reportDropped();
        // Before the segment goes, so that a run that is killed in between neither forgets them nor counts them twice.
        this.#notes.droppedBefore(next);
        await this.#writeNotes();
      }
      if (!(await disk.release({ segment: next, offset: 0 }))) return dropped;
      dropped = true;
    }
    return dropped;
  }

  /** Each time that it has become twice as many: a full spool gives up samples as fast as new ones come. */
  #reportDropped(): void {
    if (this.#dropped < this.#reportedDrops * 2) return;
    this.#reportedDrops = this.#dropped;
    const text = `the spool has no room: ${this.#dropped} oldest samples were given up, which the server will be told`;
    this.#options.logger.warn({ samples: this.#dropped }, text);
  }

  #writeNotesSoon(): void {
    const disk = this.#disk;
    if (this.#noteTimer !== undefined || this.#closed || disk === null) return;
    this.#noteTimer = setTimeout(() => {
      this.#noteTimer = undefined;
      void this.#writeNotes().then(() => this.#releaseDone(disk));
    }, this.#noteMs);
  }

  /** Writes all notes that there are; what the disk does not take waits. Never rejects. */
  async #writeNotes(): Promise<void> {
    while (this.#noting !== null) await this.#noting;
    if (this.#disk === null || this.#notes.empty || this.#disk.hung) return;
    this.#noting = this.#appendNotes(this.#disk).finally(() => {
      this.#noting = null;
    });
    await this.#noting;
  }

  async #appendNotes(disk: SpoolDisk): Promise<void> {
    const { records, undo } = this.#notes.take(this.#untold());
    const positions = await disk.append(records.map(encodeRecord));
    if (positions === null) undo();
    else if (records.at(-1)?.kind === 'gap') this.#gapAt = positions.at(-1) ?? null;
  }

  /** Gaps that no sample on disk tells. */
  #untold(): Gap[] {
    const untold = new GapLedger();
    for (const gap of this.#ledger.waiting()) untold.add(gap);
    for (const { gaps, writing } of this.#ring.entries()) if (!writing) for (const gap of gaps) untold.add(gap);
    return untold.waiting();
  }

  /** Gives back the segments that hold nothing that is still needed. */
  async #releaseDone(disk: SpoolDisk): Promise<void> {
    if (disk.hung) return;
    const { end, first } = disk.journal;
    const oldest = this.#index.oldestSegment();
    const pinned = this.#untold().length === 0 ? null : (this.#gapAt?.segment ?? null);
    const needed = Math.min(oldest ?? end.segment, pinned ?? end.segment);
    const idle = oldest === null && pinned === null && !disk.busy && this.#notes.empty;
    if (idle && (disk.journal.segments().at(-1)?.bytes ?? 0) >= this.#options.segmentBytes / 2) await disk.release(end);
    else if (needed > first.segment) await disk.release({ segment: needed, offset: 0 });
  }

  async #sync(): Promise<void> {
    const disk = this.#disk;
    const monotonic = this.#options.clock.monotonic();
    if (disk === null || this.#syncing || disk.hung || monotonic < this.#syncAfter || !this.#lacksSync(monotonic)) return;
    const { end } = disk.journal;
    this.#syncing = true;
    if (await disk.sync()) {
      this.#synced = end;
      this.#syncWaitMs = this.#syncMs;
    } else {
      // All that is not durable is written anew each time.
      this.#syncAfter = monotonic + this.#syncWaitMs;
      this.#syncWaitMs = Math.min(this.#syncWaitMs * 2, MAX_SYNC_WAIT_MS);
      await this.#appendAgain(disk);
    }
    this.#syncing = false;
  }

  #lacksSync(monotonic: number): boolean {
    for (const entry of this.#index.all()) {
      if (entry.segment < 0 || comparePositions(entry, this.#synced) < 0) continue;
      if (entry.boot !== this.#options.boot || monotonic - entry.monotonic >= this.#syncMs) return true;
    }
    return false;
  }

  /** What the disk did not make durable is written anew, into another segment. */
  async #appendAgain(disk: SpoolDisk): Promise<void> {
    for (const entry of [...this.#index.all()]) {
      if (entry.segment < 0 || comparePositions(entry, this.#synced) < 0) continue;
      if (this.#ring.nearlyFull) break;
      const text = await this.read(entry).catch(() => null);
      if (text === null || entry.gone) continue;
      this.#index.place(entry, -1, -1);
      this.#ring.add(entry, text);
    }
    disk.retrySoon(0);
  }
}

function isOnDisk({ segment, writing }: Entry): boolean {
  return segment >= 0 || writing;
}

function withTime(text: string, time: number): string {
  return text.replace(/"time":\d+/, `"time":${time}`);
}
