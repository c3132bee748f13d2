import { type Catalog, Counters, MAX_CLOCK_SKEW_MS, type Sample, type Topics } from '@hostwire/model';
import type { RejectedField, SeriesStore } from '@hostwire/store';
import type { BusMessage, Logger, MessageBus } from '@hostwire/transport';
import { AckBatch } from './ack-batch.ts';
import { CommitQueue } from './commit-queue.ts';
import type { DeadLetters } from './dead-letters.ts';
import { decodeSample, type InvalidSample } from './decode.ts';
import { type CatalogLookup, FieldTypeSource } from './field-types.ts';
import { SampleCheck } from './sample-check.ts';
import { type FieldTypes, toPoints } from './to-points.ts';

export interface IngestOptions {
  readonly store: Pick<SeriesStore, 'write'>;
  /** Where acknowledgements go. */
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly topics: Topics;
  /** The server's own catalog. */
  readonly catalog: Catalog;
  /** Catalogs of agents by their hash. */
  readonly catalogFor: CatalogLookup;
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
  readonly counters?: Counters;
  readonly now?: () => number;
  /** Default `hostwire`. */
  readonly database?: string;
  /** Payload bytes that may wait for the store; default 32 MiB. */
  readonly maxQueueBytes?: number;
}

export type SampleMessage = Pick<BusMessage, 'topic' | 'payload' | 'receivedAt'>;
export type SampleListener = (sample: Sample, receivedAt: number) => void;

export interface Ingest {
  /**
   * Resolves when the sample is durable, or was answered with `clock`, or is a dead letter. Rejects if the store does
   * not take it now; then it is not acknowledged, and the agent sends it again. Waits while the queue is full.
   */
  accept(message: SampleMessage): Promise<void>;
  /** Null if the queue has room; otherwise resolves when it has. */
  room(): Promise<void> | null;
  /** Called for each live sample once, as soon as it is valid and before it is durable. The result removes the listener. */
  onSample(listener: SampleListener): () => void;
  stats(): IngestStats;
  /** Takes nothing more and waits for what is being written. */
  close(): Promise<void>;
}

export interface IngestStats {
  readonly queuedBytes: number;
  /** False from a failed write to the next that succeeds. */
  readonly storeAvailable: boolean;
}

/** `closed`: ingest takes nothing any more. */
export class IngestError extends Error {
  override readonly name = 'IngestError';
  readonly code = 'closed';
}

const REJECTED_FIELD_INTERVAL_MS = 3_600_000;
const MAX_REMEMBERED_FIELDS = 10_000;

export function createIngest(options: IngestOptions): Ingest {
  return new SampleIngest(options);
}

class SampleIngest implements Ingest {
  readonly #options: IngestOptions;
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #database: string;
  readonly #check: SampleCheck;
  readonly #types: FieldTypeSource;
  readonly #queue: CommitQueue;
  readonly #acks = new AckBatch();
  readonly #listeners = new Set<SampleListener>();
  /** By source: the last live sample that listeners have seen. */
  readonly #seen = new Map<string, { readonly run: string; readonly seq: number }>();
  /** Hosts whose clock is wrong, with the run that showed it. */
  readonly #wrongClock = new Map<string, string>();
  readonly #reported = new Map<string, number>();
  #ackScheduled = false;
  #storeAvailable = true;
  #closed = false;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#counters = options.counters ?? new Counters();
    this.#now = options.now ?? Date.now;
    this.#database = options.database ?? 'hostwire';
    this.#check = new SampleCheck(options.catalog);
    this.#types = new FieldTypeSource(options.catalog, options.catalogFor, this.#now);
    this.#queue = new CommitQueue(options.store, options.maxQueueBytes ?? 32 * 1024 * 1024, () => this.#sendAcks());
  }

  accept(message: SampleMessage): Promise<void> {
    const room = this.#queue.room();
    if (room !== null) return room.then(() => this.accept(message));
    try {
      return this.#accept(message);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  room(): Promise<void> | null {
    return this.#queue.room();
  }

  onSample(listener: SampleListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): IngestStats {
    return { queuedBytes: this.#queue.bytes, storeAvailable: this.#storeAvailable };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.idle();
    await this.#options.deadLetters.close();
  }

  #accept(message: SampleMessage): Promise<void> {
    if (this.#closed) return Promise.reject(new IngestError('the server is shutting down'));
    const { sample, invalid } = decodeSample(this.#options.topics, this.#check, message.topic, message.payload);
    if (sample === null) return this.#bury(message, invalid);
    if (this.#hasWrongClock(sample)) {
      this.#counters.add('ingest_clock_total');
      this.#acknowledge(sample.host, sample.run, sample.seq, 'clock');
      return Promise.resolve();
    }
    this.#tell(sample, message.receivedAt);
    const types = this.#types.get(sample.catalog);
    return types instanceof Promise ? types.then((known) => this.#store(sample, known, message)) : this.#store(sample, types, message);
  }

  #store(sample: Sample, types: ReadonlyMap<string, FieldTypes>, message: SampleMessage): Promise<void> {
    const group = toPoints(sample, types, this.#database);
    return new Promise((resolve, reject) => {
      this.#queue.push({
        group,
        bytes: message.payload.length,
        stored: (rejected) => {
          this.#setAvailable(true);
          this.#counters.add('ingest_samples_total');
          this.#counters.add('ingest_points_total', group.points.length);
          this.#acks.add(sample.host, sample.run, sample.seq, 'stored');
          if (rejected.length === 0) resolve();
          else this.#buryFields(message, sample, rejected).then(resolve, reject);
        },
        refused: (error) => {
          const named = { host: sample.host, run: sample.run, seq: sample.seq };
          this.#bury(message, { reason: 'store', message: error.message, named }).then(resolve, reject);
        },
        failed: (error) => {
          this.#setAvailable(false, error);
          this.#counters.add('ingest_failed_total');
          reject(error);
        },
      });
    });
  }

  /**
   * A live sample was taken just now, so its time must be about now. One from the backlog may be old, unless the live
   * samples of its run show that this agent's clock is wrong; nothing may come from the future.
   */
  #hasWrongClock({ host, run, time, backfill }: Sample): boolean {
    const ahead = time - this.#now();
    if (backfill === true) return ahead > MAX_CLOCK_SKEW_MS || this.#wrongClock.get(host) === run;
    if (Math.abs(ahead) <= MAX_CLOCK_SKEW_MS) {
      this.#wrongClock.delete(host);
      return false;
    }
    this.#wrongClock.set(host, run);
    return true;
  }

  #tell(sample: Sample, receivedAt: number): void {
    if (sample.backfill === true || this.#listeners.size === 0) return;
    const source = `${sample.host}/${sample.tier}`;
    const last = this.#seen.get(source);
    // A sample that the store did not take comes again.
    if (last !== undefined && last.run === sample.run && sample.seq <= last.seq) return;
    this.#seen.set(source, { run: sample.run, seq: sample.seq });
    for (const listener of this.#listeners) {
      try {
        listener(sample, receivedAt);
      } catch (error) {
        this.#options.logger.error({ host: sample.host, err: error }, 'a listener of samples threw');
      }
    }
  }

  async #bury(
    { topic, payload }: SampleMessage,
    { reason, message, named }: Omit<InvalidSample, 'reason'> & { readonly reason: string },
  ): Promise<void> {
    this.#counters.add(`ingest_invalid_total{reason="${reason}"}`);
    await this.#options.deadLetters.add({ topic, payload, reason, message });
    if (named !== null) this.#acknowledge(named.host, named.run, named.seq, 'stored');
  }

  /** The rest of the sample is stored. The same field of the same host is one dead letter an hour, not one a tick. */
  async #buryFields({ topic, payload }: SampleMessage, { host }: Sample, rejected: readonly RejectedField[]): Promise<void> {
    const fresh: string[] = [];
    for (const { measurement, field = '', code, message } of rejected) {
      this.#counters.add(`ingest_rejected_fields_total{code="${code}"}`);
      const key = `${host} ${measurement} ${field} ${code}`;
      const last = this.#reported.get(key);
      if (last !== undefined && this.#now() - last < REJECTED_FIELD_INTERVAL_MS) continue;
      if (this.#reported.size >= MAX_REMEMBERED_FIELDS) this.#reported.clear();
      this.#reported.set(key, this.#now());
      fresh.push(`${measurement}${field === '' ? '' : `.${field}`}: ${code}: ${message}`);
    }
    if (fresh.length > 0)
      await this.#options.deadLetters.add({ topic, payload, reason: 'fields', message: fresh.join('; ').slice(0, 4096) });
  }

  /** For what no commit follows. */
  #acknowledge(host: string, run: string, seq: number, kind: 'stored' | 'clock'): void {
    this.#acks.add(host, run, seq, kind);
    if (this.#ackScheduled) return;
    this.#ackScheduled = true;
    setImmediate(() => this.#sendAcks());
  }

  #sendAcks(): void {
    this.#ackScheduled = false;
    if (this.#acks.empty) return;
    for (const { host, ack } of this.#acks.take(this.#now())) {
      // Not waited for: an agent that misses one sends its samples again.
      this.#options.bus.publish(this.#options.topics.ack(host), JSON.stringify(ack), { qos: 1 }).catch((error: unknown) => {
        this.#counters.add('ingest_acks_failed_total');
        this.#options.logger.debug({ host, err: error }, 'cannot send an acknowledgement');
      });
    }
  }

  #setAvailable(available: boolean, error?: unknown): void {
    if (available === this.#storeAvailable) return;
    this.#storeAvailable = available;
    if (available) this.#options.logger.info({}, 'the store takes samples again');
    else this.#options.logger.error({ err: error }, 'the store does not take samples; agents keep them until it does');
  }
}
