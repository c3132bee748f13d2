import { type Journal, JournalError, type Position, type StoredRecord } from '@hostwire/journal';
import type { Counters, PointGroup } from '@hostwire/model';
import { type SeriesStore, StoreError } from '@hostwire/store';
import type { Logger } from '@hostwire/transport';
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Burials } from './burials.ts';
import { rejectedByGroup } from './commit-queue.ts';
import type { Decoded } from './decode.ts';
import { divide } from './divide.ts';
import type { SampleMessage } from './ingest.ts';
import { decodeRecord } from './journal-record.ts';
import { Lag, type LagStats } from './lag.ts';
import type { PointMaker } from './point-maker.ts';

export interface DrainOptions {
  readonly journal: Journal;
  readonly store: Pick<SeriesStore, 'write'>;
  readonly decode: (message: SampleMessage) => Decoded;
  readonly points: PointMaker;
  readonly burials: Burials;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
  readonly backoff?: BackoffOptions;
  /** After a write that was not full: what comes meanwhile goes with the next one. Default 100 ms. */
  readonly gatherMs?: number;
}

export interface DrainStats extends LagStats {
  /** `waiting`: until the next attempt on a store that takes nothing now. */
  readonly state: 'idle' | 'writing' | 'waiting';
  /** Of the last attempt; null if it succeeded. */
  readonly lastError: string | null;
}

/** One write at most; what is read of the journal, and what is made of it, is all that the drain holds. */
const MAX_READ_BYTES = 1024 * 1024;
const MIN_READ_BYTES = 16 * 1024;
const MAX_POINTS = 10_000;
const GATHER_MS = 100;
/** A store that hangs holds up nobody's shutdown: the journal keeps what it did not answer for. */
const CLOSE_WAIT_MS = 2000;
/** After so many attempts that failed without a reason of the store, its batch is tried one by one. */
const PATIENCE = 3;

interface Letter {
  readonly message: SampleMessage;
  readonly host: string;
  readonly group: PointGroup;
}

interface Batch {
  readonly letters: readonly Letter[];
  /** Buries what is no sample (any more). */
  readonly bury: () => Promise<void>;
  readonly end: Position;
  readonly records: readonly StoredRecord[];
}

/**
 * Writes a journal into a store, oldest first, and moves its cursor when the store has answered. A write that is repeated
 * changes nothing: same series, same time, same values. What the store refuses for good is buried with its reason;
 * everything else is tried again for ever, with a growing, jittered delay or the one that the store asks for.
 */
export class Drain {
  readonly #options: DrainOptions;
  readonly #backoff: Backoff;
  readonly #lag: Lag;
  readonly #closing = new AbortController();
  #at: Position;
  #readBytes = MAX_READ_BYTES;
  #state: DrainStats['state'] = 'idle';
  #lastError: string | null = null;
  #available = true;
  #wake: (() => void) | null = null;
  #notified = false;
  #unexplained = 0;
  #running: Promise<void> | null = null;
  #whenEmpty: (() => void)[] = [];

  constructor(options: DrainOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    this.#at = options.journal.cursor;
    this.#lag = new Lag(options.journal, options.now);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** False from a failed write to the next that succeeds. */
  get available(): boolean {
    return this.#available;
  }

  /** There is something new to read. */
  notify(): void {
    this.#notified = true;
    this.#wake?.();
  }

  /** Resolves when everything that the journal has is in the store, or the drain was closed. */
  empty(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    const done = new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    this.notify();
    return done;
  }

  stats(): DrainStats {
    return { state: this.#state, lastError: this.#lastError, ...this.#lag.stats(this.#at) };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake?.();
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WAIT_MS);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    await this.#lag.start(this.#at).catch(() => this.#options.counters.add('ingest_journal_reads_failed_total'));
    while (!signal.aborted) {
      try {
        const bytes = await this.#step();
        if (bytes === 0) await this.#idle();
        else if (bytes < this.#readBytes / 2) await this.#sleep(this.#options.gatherMs ?? GATHER_MS);
      } catch (error) {
        if (signal.aborted || (error instanceof JournalError && error.code === 'closed')) return;
        await this.#failed(error);
      }
    }
  }

  /** Reads some and writes it; returns how many bytes that was. */
  async #step(): Promise<number> {
    const { journal } = this.#options;
    this.#notified = false;
    const records = await journal.read(this.#at, this.#readBytes);
    this.#lag.oldest(records[0]?.appendedAt ?? null);
    let bytes = 0;
    for (let from = 0; from < records.length && !this.#closing.signal.aborted; ) {
      this.#state = 'writing';
      const batch = await this.#prepare(records.slice(from));
      await this.#write(batch.letters);
      await batch.bury();
      this.#succeeded(batch.letters.length);
      from += batch.records.length;
      for (const record of batch.records) bytes += record.bytes.length;
      await this.#moveTo(batch);
    }
    return bytes;
  }

  /** The first of these, as many as make one write. Buried once they are written: an attempt may fail a thousand times. */
  async #prepare(records: readonly StoredRecord[]): Promise<Batch> {
    const { decode, points, burials } = this.#options;
    const letters: Letter[] = [];
    const taken: StoredRecord[] = [];
    const invalid: (() => Promise<void>)[] = [];
    let count = 0;
    for (const record of records) {
      if (count >= MAX_POINTS) break;
      taken.push(record);
      const message = decodeRecord(record.bytes);
      if (message === null) {
        const raw = { topic: '', payload: record.bytes, receivedAt: record.appendedAt };
        invalid.push(() => burials.message(raw, 'journal', 'a record of the journal has a layout that this version does not know'));
        continue;
      }
      const decoded = decode(message);
      if (decoded.sample === null) {
        const { reason, message: why } = decoded.invalid;
        invalid.push(() => burials.message(message, reason, why));
        continue;
      }
      const { sample } = decoded;
      const group = await points.groupOf(sample);
      count += group.points.length;
      letters.push({ message, host: sample.host, group });
    }
    const bury = async (): Promise<void> => {
      for (const one of invalid) await one();
    };
    return { letters, bury, records: taken, end: taken.at(-1)?.end ?? this.#at };
  }

  async #write(letters: readonly Letter[]): Promise<void> {
    if (letters.length === 0) return;
    const { burials } = this.#options;
    try {
      await divide(
        letters,
        (part) => this.#writePart(part),
        ({ message }, error) => burials.message(message, 'store', error.message),
      );
      this.#unexplained = 0;
    } catch (error) {
      if (error instanceof StoreError || ++this.#unexplained < PATIENCE) throw error;
      await this.#writeEach(letters);
    }
  }

  /** What breaks the store's code, and not the store, must not hold up the others; that they are taken tells which it is. */
  async #writeEach(letters: readonly Letter[]): Promise<void> {
    const broken: { readonly message: SampleMessage; readonly error: unknown }[] = [];
    for (const letter of letters) {
      try {
        await this.#writePart([letter]);
      } catch (error) {
        if (error instanceof StoreError && error.code !== 'invalid') throw error;
        broken.push({ message: letter.message, error });
      }
    }
    if (broken.length === letters.length) throw broken[0]?.error;
    for (const { message, error } of broken) await this.#options.burials.message(message, 'store', String(error));
  }

  async #writePart(letters: readonly Letter[]): Promise<void> {
    const { store, burials, counters } = this.#options;
    const { rejected } = await store.write(letters.map(({ group }) => group));
    let points = 0;
    for (const { group } of letters) points += group.points.length;
    counters.add('ingest_points_total', points);
    for (const [index, fields] of rejectedByGroup(rejected)) {
      const letter = letters[index];
      if (letter !== undefined) await burials.fields(letter.message, letter.host, fields);
    }
  }

  /** The place in memory counts: a cursor that a full disk does not take costs a repeated write after a restart. */
  async #moveTo({ end, records }: Batch): Promise<void> {
    const { journal, counters } = this.#options;
    this.#at = end;
    this.#lag.passed(records);
    await journal.setCursor(end).catch(() => counters.add('ingest_cursor_failed_total'));
    // Also if the cursor was not kept: a disk that is full gets its room back by this alone, and a cursor that is older than
    // what is left means its oldest. Only what lies before its segment: the one that is being written stays open.
    await journal.release({ segment: end.segment, offset: 0 }).catch(() => counters.add('ingest_release_failed_total'));
  }

  #succeeded(samples: number): void {
    const { counters, logger } = this.#options;
    counters.add('ingest_drained_total', samples);
    this.#backoff.reset();
    this.#readBytes = Math.min(MAX_READ_BYTES, this.#readBytes * 2);
    this.#lastError = null;
    if (this.#available) return;
    this.#available = true;
    logger.info(this.#lag.stats(this.#at), 'the store takes samples again; what waits in the journal follows');
  }

  async #failed(error: unknown): Promise<void> {
    const { counters, logger } = this.#options;
    this.#state = 'waiting';
    this.#lastError = error instanceof Error ? error.message : String(error);
    // A store that is slow may answer in time when it is asked for less. What breaks its code shows only beside others.
    this.#readBytes = error instanceof StoreError ? Math.max(MIN_READ_BYTES, this.#readBytes / 2) : MAX_READ_BYTES;
    counters.add(`ingest_drain_retries_total{reason="${reasonOf(error)}"}`);
    if (this.#available) {
      this.#available = false;
      const what = error instanceof JournalError ? 'the journal cannot be read now' : 'the store takes nothing now';
      logger.error({ err: error }, `${what}; samples are acknowledged and wait in the journal`);
    }
    await this.#sleep(this.#backoff.next(error instanceof StoreError ? error.retryAfterMs : undefined));
  }

  async #idle(): Promise<void> {
    this.#state = 'idle';
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      // What was appended between the read and here.
      if (this.#notified || this.#closing.signal.aborted) resolve();
    });
    this.#wake = null;
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof StoreError)) return 'other';
  return error.status === undefined ? 'no-answer' : String(error.status);
}
