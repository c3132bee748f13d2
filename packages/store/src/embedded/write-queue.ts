import type { Worker } from 'node:worker_threads';
import type { PointGroup } from '@hostwire/model';
import { type RejectedField, StoreError, type WriteResult } from '../series-store.ts';
import { Packer, type PackOptions } from './pack.ts';
import type { ToWriter } from './protocol.ts';
import type { Registrar } from './registrar.ts';
import { RowWriter } from './row-writer.ts';

/** A batch of this size goes to the writer thread at once. */
const BATCH_BYTES = 256 * 1024;
const MIN_CAPACITY = 16 * 1024;
/** More than this on its way to the disk, and writes are refused until it is there. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

interface Waiting {
  readonly seq: number;
  readonly result: WriteResult;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: StoreError) => void;
}

/** Packs what is written and passes it to the writer thread; one commit serves all that wait for one. */
export class WriteQueue {
  readonly #registrar: Registrar;
  readonly #packer: Packer;
  readonly #post: Worker['postMessage'];
  #rows = new RowWriter(MIN_CAPACITY);
  /** The number that the batch being filled will have. */
  #seq = 1;
  #answered = 0;
  /** Bytes of each batch that has no answer yet. */
  readonly #posted = new Map<number, number>();
  #waitingBytes = 0;
  /** Writes that were refused because the disk is behind. */
  refused = 0;
  #waiting: Waiting[] = [];
  #scheduled = false;
  /** The last batch ended within a write. */
  #more = false;
  #failure: StoreError | null = null;

  constructor(registrar: Registrar, worker: Worker) {
    this.#registrar = registrar;
    this.#packer = new Packer(registrar);
    this.#post = worker.postMessage.bind(worker);
  }

  /** On their way to the disk. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  write(groups: readonly PointGroup[], options: PackOptions): Promise<WriteResult> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.refused++;
      return Promise.reject(new StoreError('unavailable', 'more is being written than the disk takes: try again later'));
    }
    const rejected: RejectedField[] = [];
    for (let i = 0; i < groups.length; i++) {
      if (this.#rows.length >= BATCH_BYTES) this.#flush(true);
      this.#pack(groups[i] as PointGroup, i, options, rejected);
    }
    return this.#whenDurable({ rejected });
  }

  #pack(group: PointGroup, index: number, options: PackOptions, rejected: RejectedField[]): void {
    const rows = this.#rows;
    const mark = rows.mark();
    try {
      this.#packer.pack(rows, group, index, options, rejected);
    } catch (error) {
      // A value of a kind that the types forbid: half a row must not stay among the others.
      rows.reset(mark);
      const message = `the points cannot be read: ${String(error)}`;
      for (const { measurement } of group.points) rejected.push({ group: index, measurement, code: 'invalid', message });
    }
  }

  async createDatabase(name: string): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    this.#registrar.database(name);
    await this.#whenDurable({ rejected: [] });
  }

  /** The writer's answer for all batches up to `seq`. */
  answered(seq: number, failure: string | null): void {
    while (this.#answered < seq) {
      this.#answered++;
      this.#waitingBytes -= this.#posted.get(this.#answered) ?? 0;
      this.#posted.delete(this.#answered);
    }
    let done = 0;
    for (const { seq: wanted, result, resolve, reject } of this.#waiting) {
      if (wanted > seq) break;
      done++;
      if (failure === null) resolve(result);
      else reject(new StoreError('unavailable', `the points could not be stored, try again: ${failure}`));
    }
    this.#waiting.splice(0, done);
    this.#flush(false);
  }

  /** Rejects all that wait and all that comes. */
  fail(error: StoreError): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }

  /** Resolves when nothing waits any more, whatever came of it. */
  async drained(): Promise<void> {
    if (this.#failure === null) await Promise.allSettled([this.#whenDurable({ rejected: [] })]);
  }

  #whenDurable(result: WriteResult): Promise<WriteResult> {
    // The rows may have gone with a batch that other writes filled.
    if (this.#rows.rows === 0 && !this.#registrar.hasPending && !this.#more) {
      if (this.#waiting.length === 0) return Promise.resolve(result);
      const seq = (this.#waiting.at(-1) as Waiting).seq;
      return new Promise((resolve, reject) => this.#waiting.push({ seq, result, resolve, reject }));
    }
    const waits = new Promise<WriteResult>((resolve, reject) => this.#waiting.push({ seq: this.#seq, result, resolve, reject }));
    if (this.#more || this.#rows.length >= BATCH_BYTES) this.#flush(false);
    else this.#schedule();
    return waits;
  }

  /** Other writes of this turn of the loop join the batch; while a commit is under way, so do all until it is done. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#posted.size === 0) this.#flush(false);
    });
  }

  #flush(more: boolean): void {
    const rows = this.#rows;
    if (rows.rows === 0 && !this.#registrar.hasPending && !this.#more) return;
    const memory = rows.view.buffer as ArrayBuffer;
    const message: ToWriter = { type: 'rows', seq: this.#seq, memory, length: rows.length, entries: this.#registrar.takePending(), more };
    this.#posted.set(this.#seq++, rows.length);
    this.#waitingBytes += rows.length;
    this.#more = more;
    const capacity = Math.max(MIN_CAPACITY, Math.min(rows.length * 1.25, BATCH_BYTES * 1.25));
    this.#rows = new RowWriter(Math.ceil(capacity));
    this.#post(message, [memory]);
  }
}
