import { type Gap, gapRow } from '@hostwire/collectors';
import type { Journal } from '@hostwire/journal';
import { encodeSample, type Sample } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { isInRanges, type Kept, type Outbox, type OutboxStats, type SeqRanges, type StoredSample } from '../outbox.ts';
import type { TickClock } from '../tick-clock.ts';
import { DiskKeeper } from './disk-keeper.ts';
import { GapLedger } from './gap-ledger.ts';
import { decodeRecord } from './record.ts';
import { NO_GAPS, type Restored, timeAt } from './restore.ts';
import { Ring, type RingLimits } from './ring.ts';
import { type Entry, SampleIndex, toRanges } from './sample-index.ts';
import { within } from './spool-disk.ts';

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
  /** A sample that was given up under way counts as missing when no acknowledgement came for this long; default 10,000. */
  readonly doubtMs?: number;
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

/**
 * Keeps samples on disk until they are acknowledged; in memory while the disk does not take them. What it must give up is
 * counted, and told by the next sample. Nothing that the disk does ends it.
 */
export class Spool implements Outbox {
  readonly #options: SpoolOptions;
  /** Null: memory only. */
  readonly #disk: DiskKeeper | null;
  readonly #index: SampleIndex;
  readonly #ledger: GapLedger;
  readonly #ring: Ring;
  readonly #watch: NodeJS.Timeout;
  readonly #doubtMs: number;
  /** Given up under way: when, by the ledger's key; the oldest first. */
  readonly #doubts = new Map<string, { readonly run: string; readonly seq: number; readonly at: number }>();
  isUnderWay: Outbox['isUnderWay'] = () => false;
  #gapTime = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  #reportedDrops = 0;
  #closed = false;

  constructor(options: SpoolOptions) {
    const { journal, restored } = options;
    const { hungMs = 2_000, retryMs = 2_000, syncMs = 30_000, noteMs = 200, watchMs = 5_000, doubtMs = 10_000 } = options.timing ?? {};
    const index = restored?.index ?? new SampleIndex();
    const ledger = options.ledger ?? new GapLedger();
    const ring = new Ring(options.ring);
    const drop = (entry: Entry): void => this.#drop(entry, 'full');
    const read = (entry: Entry): Promise<string | null> => this.read(entry);
    const { gapAt = null, unread = null } = restored ?? {};
    const parts = { index, ledger, ring, gapAt, unread, hungMs, retryMs, syncMs, noteMs, drop, read };
    this.#options = options;
    this.#doubtMs = doubtMs;
    this.#index = index;
    this.#ledger = ledger;
    this.#ring = ring;
    this.#disk = journal === null ? null : new DiskKeeper({ ...options, ...parts, journal });
    this.giveUp(restored?.missed ?? [], 'damaged');
    this.#watch = setInterval(() => {
      this.expire();
      this.#disk?.look();
    }, watchMs).unref();
  }

  get size(): number {
    return this.#index.size;
  }

  get boot(): string {
    return this.#options.boot;
  }

  stats(): OutboxStats {
    const bytes = (this.#disk?.bytes ?? 0) + this.#ring.bytes;
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
    for (const [run, seqs] of byRun) this.#disk?.notes.restamped({ kind: 'time', run, seqs: toRanges(seqs), zero });
    if (byRun.size > 0) await this.#disk?.noteNow();
  }

  giveUp(samples: readonly StoredSample[], reason: Gap['reason']): void {
    for (const { run, seq } of samples) {
      const entry = this.#index.get(run, seq);
      if (entry === undefined) continue;
      if (isOnDisk(entry)) this.#disk?.notes.dropped(run, seq);
      else this.#disk?.notes.gapsChanged();
      this.#drop(entry, reason);
    }
    this.#disk?.noteSoon();
  }

  forget(run: string, ranges: SeqRanges): StoredSample[] {
    const entries = this.#index.named(run, ranges);
    for (const entry of entries) {
      if (isOnDisk(entry)) this.#disk?.notes.acknowledged(run, entry.seq);
      this.#remove(entry);
    }
    this.#dismissDoubts(run, ranges);
    this.#disk?.noteSoon();
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
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    if (this.#disk === null) return;
    await within(CLOSE_MS, this.#disk.close());
    const { size } = this.#ring;
    if (size > 0) this.#options.logger.error({ samples: size }, `the spool's disk did not take ${size} samples to the end: they are lost`);
  }

  /** What a sample of this time tells; nothing if another of this time has told: the store keeps one row of a series and time. */
  #gapsFor(time: number): Gap[] {
    this.#confirmDoubts();
    if (this.#ledger.empty || time === this.#gapTime) return [];
    this.#gapTime = time;
    return this.#ledger.take();
  }

  /** The server has them. */
  #dismissDoubts(run: string, ranges: SeqRanges): void {
    for (const [key, doubt] of this.#doubts) {
      if (doubt.run !== run || !isInRanges(doubt.seq, ranges)) continue;
      this.#doubts.delete(key);
      this.#ledger.dismiss(key);
      this.#dropped--;
      this.#disk?.notes.gapsChanged();
    }
  }

  #confirmDoubts(): void {
    const long = this.#options.clock.monotonic() - this.#doubtMs;
    for (const [key, { at }] of this.#doubts) {
      if (at > long) return;
      this.#doubts.delete(key);
      this.#ledger.confirm(key);
    }
  }

  async #settle(entry: Entry): Promise<void> {
    await this.#disk?.keep(entry);
    entry.settled = true;
    const over = [...this.#ring.overflow()];
    if (over.length > 0) this.giveUp(over, this.#disk === null ? 'full' : 'disk');
  }

  #remove(entry: Entry): void {
    this.#ring.delete(entry);
    this.#index.remove(entry);
  }

  /** Counts it as missing, and what it was to tell. */
  #drop(entry: Entry, reason: Gap['reason']): void {
    // What is given up for its time was answered: the server has not taken it.
    const isUnderWay = reason !== 'clock' && this.isUnderWay(entry);
    this.#remove(entry);
    this.#dropped++;
    const { run, seq, time } = entry;
    const gaps: readonly Gap[] = [{ reason, from: time, to: time, count: 1 }, ...entry.gaps];
    if (isUnderWay) {
      const key = `${run} ${seq}`;
      this.#ledger.doubt(key, gaps);
      this.#doubts.set(key, { run, seq, at: this.#options.clock.monotonic() });
    } else for (const gap of gaps) this.#ledger.add(gap);
    // Not each time: a full spool gives up samples as fast as new ones come.
    if (this.#dropped < this.#reportedDrops * 2) return;
    this.#reportedDrops = this.#dropped;
    const text = `${this.#dropped} samples were given up (${reason} now), which the server is told in measurement gap`;
    this.#options.logger.warn({ samples: this.#dropped, reason }, text);
  }
}

function isOnDisk({ segment, writing }: Entry): boolean {
  return segment >= 0 || writing;
}

function withTime(text: string, time: number): string {
  return text.replace(/"time":\d+/, `"time":${time}`);
}
