import type { Worker } from 'node:worker_threads';
import { type QueryOptions, type QueryResponse, StoreError } from '../series-store.ts';
import type { FromQueryWorker, ToQueryWorker } from './protocol.ts';
import { startWorker } from './worker-thread.ts';

export interface QueryPoolOptions {
  readonly directory: string;
  readonly workers: number;
  /** Longest that a query may run, in ms. */
  readonly timeout: number;
  /** Heap that a query may take, in MB. */
  readonly heapMb: number;
  readonly now: () => number;
  readonly report: (problem: string) => void;
}

/** After a cancelled query has not ended by itself for this long, its worker is replaced. */
const GRACE_MS = 1000;
/** Queries that wait for a worker; more are refused. */
const MAX_WAITING = 1000;
const RESTART_MS = 1000;

interface Query {
  readonly message: ToQueryWorker;
  readonly resolve: (response: QueryResponse) => void;
  readonly reject: (error: StoreError) => void;
  settled: boolean;
}

interface Slot {
  worker: Worker;
  /** Id of the query that is to stop; shared with the worker. */
  readonly cancelled: Int32Array;
  ready: boolean;
  query: Query | null;
  timer: NodeJS.Timeout | null;
}

/** Runs queries in worker threads, each bounded in time and memory: a bad one takes its worker down, never the store. */
export class QueryPool {
  readonly #options: QueryPoolOptions;
  readonly #slots: Slot[] = [];
  #waiting: Query[] = [];
  #nextId = 1;
  #closed = false;
  queries = 0;
  /** Workers that were replaced. */
  restarts = 0;
  /** Because too many waited. */
  refused = 0;

  constructor(options: QueryPoolOptions) {
    this.#options = options;
    for (let i = 0; i < options.workers; i++) this.#start();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  run(influxql: string, { signal, ...options }: QueryOptions): Promise<QueryResponse> {
    if (this.#closed) return Promise.reject(new StoreError('closed', 'the store is closed'));
    if (signal?.aborted === true) return Promise.reject(cancelledError());
    if (this.#waiting.length >= MAX_WAITING) {
      this.refused++;
      return Promise.reject(new StoreError('unavailable', 'too many queries wait: try again later'));
    }
    return new Promise((done, fail) => {
      const abort = (): void => this.#cancel(query, cancelledError());
      const query: Query = {
        message: { id: this.#nextId++, influxql, options: { ...options, now: this.#options.now() } },
        resolve: (response) => {
          signal?.removeEventListener('abort', abort);
          done(response);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          fail(error);
        },
        settled: false,
      };
      signal?.addEventListener('abort', abort);
      this.queries++;
      this.#waiting.push(query);
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const query of this.#waiting) settle(query, () => query.reject(new StoreError('closed', 'the store is closed')));
    this.#waiting = [];
    await Promise.all(
      this.#slots.map((slot) => {
        if (slot.timer !== null) clearTimeout(slot.timer);
        const { query } = slot;
        if (query !== null) settle(query, () => query.reject(new StoreError('closed', 'the store is closed')));
        return slot.worker.terminate();
      }),
    );
  }

  #start(): void {
    const cancelled = new Int32Array(new SharedArrayBuffer(4));
    const slot: Slot = { worker: this.#spawn(cancelled), cancelled, ready: false, query: null, timer: null };
    this.#slots.push(slot);
    slot.worker.on('message', (message: FromQueryWorker) => this.#take(slot, message));
    let cause = 'it ended';
    slot.worker.on('error', (error: Error & { code?: string }) => {
      cause = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it needs too much memory: narrow its time range or its series' : error.message;
    });
    slot.worker.on('exit', () => this.#replace(slot, cause));
  }

  #spawn(cancelled: Int32Array): Worker {
    const { directory, heapMb } = this.#options;
    return startWorker('query-worker', { directory, cancelled }, { maxOldGenerationSizeMb: heapMb });
  }

  #replace(slot: Slot, cause: string): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    if (slot.timer !== null) clearTimeout(slot.timer);
    if (this.#closed) return;
    this.restarts++;
    const { query } = slot;
    if (query !== null) settle(query, () => query.reject(new StoreError('query', `the query was ended: ${cause}`)));
    if (slot.ready) {
      this.#start();
      return;
    }
    this.#options.report(`a query worker could not start: ${cause}`);
    setTimeout(() => {
      if (!this.#closed) this.#start();
    }, RESTART_MS).unref();
  }

  #take(slot: Slot, message: FromQueryWorker): void {
    switch (message.type) {
      case 'ready':
        slot.ready = true;
        break;
      case 'problem':
        this.#options.report(message.message);
        return;
      case 'answer':
      case 'failed': {
        const { query } = slot;
        slot.query = null;
        if (slot.timer !== null) clearTimeout(slot.timer);
        slot.timer = null;
        if (query === null) break;
        if (message.type === 'answer') settle(query, () => query.resolve(message.response));
        else settle(query, () => query.reject(new StoreError(message.code, message.message)));
      }
    }
    this.#dispatch();
  }

  #dispatch(): void {
    for (const slot of this.#slots) {
      if (!slot.ready || slot.query !== null) continue;
      const query = this.#waiting.shift();
      if (query === undefined) return;
      const { timeout } = this.#options;
      slot.query = query;
      slot.timer = setTimeout(() => {
        this.#cancel(query, new StoreError('query', `the query took longer than ${timeout / 1000} s: narrow its time range or its series`));
      }, timeout);
      slot.worker.postMessage(query.message);
    }
  }

  #cancel(query: Query, error: StoreError): void {
    settle(query, () => query.reject(error));
    const waiting = this.#waiting.indexOf(query);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    const slot = this.#slots.find((candidate) => candidate.query === query);
    if (slot === undefined) return;
    Atomics.store(slot.cancelled, 0, query.message.id);
    if (slot.timer !== null) clearTimeout(slot.timer);
    slot.timer = setTimeout(() => void slot.worker.terminate(), GRACE_MS);
  }
}

function settle(query: Query, how: () => void): void {
  if (query.settled) return;
  query.settled = true;
  how();
}

function cancelledError(): StoreError {
  return new StoreError('query', 'the query was cancelled');
}
