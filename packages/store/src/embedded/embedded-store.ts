import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { PointGroup } from '@hostwire/model';
import { type QueryOptions, type QueryResponse, type SeriesStore, StoreError, type WriteResult } from '../series-store.ts';
import type { FromWriter, ToWriter, WriterOptions, WriterStats } from './protocol.ts';
import { QueryPool } from './query-pool.ts';
import { Registrar } from './registrar.ts';
import { startWorker } from './worker-thread.ts';
import { WriteQueue } from './write-queue.ts';

export interface EmbeddedStoreOptions {
  /** Made if it is not there. One process at a time owns it. */
  readonly directory: string;
  /** Threads that answer queries; default 1, or 2 with more than two cores. */
  readonly queryWorkers?: number;
  /** New series beyond this are refused (`max-series`); default 200,000. */
  readonly seriesLimit?: number;
  /** Points older than this (ms) are refused (`too-old`) and dropped, day by day; default: never. */
  readonly retentionMs?: number;
  /** Hot bytes at which rows are moved to day files before they are due; default 256 MB. */
  readonly hotLimit?: number;
  /** Longest that a query may run (ms); default 30 s. */
  readonly queryTimeoutMs?: number;
  /** Ms by which the store's clock is ahead of the machine's, for tests. */
  readonly clockOffset?: number;
  /** Told, in one sentence each, what went wrong and did not stop the store: damaged files, a full disk. */
  readonly report?: (problem: string) => void;
}

const REPORT_AGAIN_MS = 10 * 60_000;

export interface EmbeddedStoreStats extends WriterStats {
  readonly series: number;
  readonly queries: number;
  /** Query workers that were replaced because a query took too much. */
  readonly queryRestarts: number;
  readonly queriesWaiting: number;
  readonly queriesRefused: number;
  /** On their way to the disk. */
  readonly waitingBytes: number;
  readonly writesRefused: number;
}

/**
 * Opens the embedded store. Rejects with StoreError `locked` if another process has it open, `unavailable` if its files
 * cannot be opened.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const writerOptions: WriterOptions = {
    directory: options.directory,
    hotLimit: options.hotLimit ?? 256 * 1024 * 1024,
    retentionMs: options.retentionMs ?? null,
    clockOffset: options.clockOffset ?? 0,
  };
  const worker = startWorker('writer-worker', { options: writerOptions });
  const ready = await new Promise<Extract<FromWriter, { type: 'ready' }>>((resolve, reject) => {
    worker.once('message', (message: FromWriter) => {
      if (message.type === 'ready') resolve(message);
      else if (message.type === 'refused') reject(new StoreError(message.code, message.message));
      else reject(new StoreError('unavailable', `the store's writer said ${message.type} before it was ready`));
    });
    worker.once('error', (cause) => reject(new StoreError('unavailable', `the store in ${options.directory} cannot be opened`, { cause })));
  });
  return new EmbeddedStore(options, worker, ready);
}

/** SeriesStore in this process's own files: compressed chunks in SQLite, written by one worker thread, read by others. */
export class EmbeddedStore implements SeriesStore {
  readonly #options: EmbeddedStoreOptions;
  readonly #writer: Worker;
  readonly #registrar: Registrar;
  readonly #queue: WriteQueue;
  readonly #pool: QueryPool;
  #stats: WriterStats;
  /** Problem -> when it was told last. */
  readonly #told = new Map<string, number>();
  #compactRequests = 0;
  readonly #compactions = new Map<number, { resolve: () => void; reject: (error: StoreError) => void }>();
  #closing: Promise<void> | null = null;
  readonly #ended: Promise<void>;
  /** Why the writer will never write again. */
  #failure: StoreError | null = null;

  /** Use openEmbeddedStore. */
  constructor(options: EmbeddedStoreOptions, writer: Worker, ready: Extract<FromWriter, { type: 'ready' }>) {
    this.#options = options;
    this.#writer = writer;
    this.#registrar = new Registrar(ready.entries, ready.lastSid);
    this.#queue = new WriteQueue(this.#registrar, writer);
    this.#stats = ready.stats;
    this.#pool = new QueryPool({
      directory: options.directory,
      workers: options.queryWorkers ?? (availableParallelism() > 2 ? 2 : 1),
      timeout: options.queryTimeoutMs ?? 30_000,
      heapMb: 256,
      now: () => this.#now(),
      report: (problem) => this.#report(problem),
    });
    writer.on('message', (message: FromWriter) => this.#take(message));
    writer.on('error', (error) => this.#fail(`the store's writer failed, restart the process: ${error.message}`));
    this.#ended = new Promise((resolve) => {
      writer.on('exit', () => {
        this.#fail("the store's writer ended, restart the process");
        resolve();
      });
    });
  }

  write(groups: readonly PointGroup[]): Promise<WriteResult> {
    if (this.#closing !== null) return Promise.reject(new StoreError('closed', 'the store is closed'));
    const { seriesLimit = 200_000, retentionMs } = this.#options;
    const oldest = retentionMs === undefined ? Number.NEGATIVE_INFINITY : this.#now() - retentionMs;
    return this.#queue.write(groups, { seriesLimit, oldest });
  }

  query(influxql: string, options: QueryOptions): Promise<QueryResponse> {
    return this.#pool.run(influxql, options);
  }

  /** Makes a database that has nothing in it yet; resolves when that is durable. Writing to one makes it, too. */
  createDatabase(name: string): Promise<void> {
    if (this.#closing !== null) return Promise.reject(new StoreError('closed', 'the store is closed'));
    return this.#queue.createDatabase(name);
  }

  /** Moves all hot rows to day files now, instead of when they are due. Rejects with `unavailable` if some stayed. */
  async compactNow(): Promise<void> {
    if (this.#closing !== null) throw new StoreError('closed', 'the store is closed');
    await this.#queue.drained();
    const request = ++this.#compactRequests;
    const done = new Promise<void>((resolve, reject) => this.#compactions.set(request, { resolve, reject }));
    this.#post({ type: 'compact', request });
    await done;
  }

  /**
   * Resolves when the writer has answered for all that was written before, also with a refusal (a full disk). Rejects if it
   * never will: only a new process helps then.
   */
  async answers(): Promise<void> {
    await this.#queue.drained();
    if (this.#failure !== null) throw this.#failure;
  }

  stats(): EmbeddedStoreStats {
    return {
      ...this.#stats,
      series: this.#registrar.dictionary.series.size,
      queries: this.#pool.queries,
      queryRestarts: this.#pool.restarts,
      queriesWaiting: this.#pool.waiting,
      queriesRefused: this.#pool.refused,
      waitingBytes: this.#queue.waitingBytes,
      writesRefused: this.#queue.refused,
    };
  }

  /** Waits for writes under way, and ends the threads. Can be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#queue.drained(), this.#pool.close()]);
    this.#post({ type: 'close' });
    await this.#ended;
  }

  #take(message: FromWriter): void {
    switch (message.type) {
      case 'committed':
        this.#stats = message.stats;
        this.#queue.answered(message.seq, null);
        break;
      case 'failed':
        this.#queue.answered(message.seq, message.message);
        break;
      case 'compacted': {
        this.#stats = message.stats;
        const waits = this.#compactions.get(message.request);
        this.#compactions.delete(message.request);
        if (message.error === null) waits?.resolve();
        else waits?.reject(new StoreError('unavailable', message.error));
        break;
      }
      case 'stats':
        this.#stats = message.stats;
        break;
      case 'problem':
        this.#report(message.message);
        break;
      case 'ready':
      case 'refused':
      case 'closed':
    }
  }

  #fail(message: string): void {
    const error = new StoreError(this.#closing === null ? 'unavailable' : 'closed', message);
    if (this.#closing === null) this.#report(message);
    this.#failure ??= error;
    this.#queue.fail(error);
    for (const { reject } of this.#compactions.values()) reject(error);
    this.#compactions.clear();
  }

  #now(): number {
    return Date.now() + (this.#options.clockOffset ?? 0);
  }

  #post(message: ToWriter): void {
    this.#writer.postMessage(message);
  }

  /** What is damaged is met by every query: it is told again after a while only. */
  #report(problem: string): void {
    const told = this.#told.get(problem);
    if (told !== undefined && Date.now() - told < REPORT_AGAIN_MS) return;
    if (this.#told.size >= 1000) this.#told.clear();
    this.#told.set(problem, Date.now());
    this.#options.report?.(problem);
  }
}
