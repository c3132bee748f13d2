import type { PointGroup } from '@hostwire/model';
import { type SeriesStore, StoreError, type WriteResult } from '@hostwire/store';

/** One sample on its way into the store. */
export interface Entry {
  readonly group: PointGroup;
  readonly bytes: number;
  /** Committed; `rejected` says which fields were left out. */
  stored(rejected: WriteResult['rejected']): void;
  /** The store will never take it. */
  refused(error: StoreError): void;
  /** The store does not take it now. */
  failed(error: unknown): void;
}

/** A commit takes no more at once, so that a backlog does not become one that lasts for seconds. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** gzip hides what a sample costs from its bytes. */
const MAX_BATCH_POINTS = 40_000;

/** While the store makes one commit durable, the next is being prepared. */
const MAX_COMMITS = 2;

/** Writes what waits at the same time in one commit. */
export class CommitQueue {
  readonly #store: Pick<SeriesStore, 'write'>;
  readonly #onCommit: () => void;
  #entries: Entry[] = [];
  #bytes = 0;
  #commits = 0;
  #gathering = false;
  #whenIdle: (() => void)[] = [];
  #roomFor: (() => void)[] = [];
  readonly #maxBytes: number;

  /** `onCommit` is called after each commit, when all its entries were told. */
  constructor(store: Pick<SeriesStore, 'write'>, maxBytes: number, onCommit: () => void) {
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#onCommit = onCommit;
  }

  /** Payload bytes that wait or are being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Null if there is room; otherwise resolves when there is some. */
  room(): Promise<void> | null {
    return this.#bytes < this.#maxBytes ? null : new Promise((done) => this.#roomFor.push(done));
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#gather();
  }

  /** Resolves when nothing is being written and nothing waits. */
  idle(): Promise<void> {
    if (this.#bytes === 0 && this.#commits === 0) return Promise.resolve();
    return new Promise((done) => this.#whenIdle.push(done));
  }

  /** Commits after the sockets that are readable now: what they bring belongs to it. */
  #gather(): void {
    if (this.#gathering || this.#commits >= MAX_COMMITS || this.#entries.length === 0) return;
    this.#gathering = true;
    setImmediate(() => {
      this.#gathering = false;
      void this.#commit(this.#take());
    });
  }

  async #commit(batch: readonly Entry[]): Promise<void> {
    this.#commits++;
    this.#gather();
    await this.#write(batch);
    this.#commits--;
    for (const { bytes } of batch) this.#bytes -= bytes;
    if (this.#bytes < this.#maxBytes) release(this.#roomFor);
    if (this.#bytes === 0 && this.#commits === 0) release(this.#whenIdle);
    this.#gather();
  }

  #take(): Entry[] {
    let bytes = 0;
    let points = 0;
    let count = 0;
    while (count < this.#entries.length && bytes < MAX_BATCH_BYTES && points < MAX_BATCH_POINTS) {
      const entry = this.#entries[count++];
      bytes += entry?.bytes ?? 0;
      points += entry?.group.points.length ?? 0;
    }
    const batch = this.#entries.slice(0, count);
    this.#entries = count === this.#entries.length ? [] : this.#entries.slice(count);
    return batch;
  }

  async #write(batch: readonly Entry[]): Promise<void> {
    try {
      const { rejected } = await this.#store.write(batch.map(({ group }) => group));
      const byGroup = new Map<number, WriteResult['rejected'][number][]>();
      for (const field of rejected) {
        const known = byGroup.get(field.group);
        if (known === undefined) byGroup.set(field.group, [field]);
        else known.push(field);
      }
      for (const [index, entry] of batch.entries()) entry.stored(byGroup.get(index) ?? []);
      this.#onCommit();
    } catch (error) {
      const [only] = batch;
      if (!(error instanceof StoreError && error.code === 'invalid')) {
        for (const entry of batch) entry.failed(error);
      } else if (batch.length === 1) {
        only?.refused(error);
      } else {
        // One of them is poison; the others must not wait for it.
        const half = batch.length >> 1;
        await this.#write(batch.slice(0, half));
        await this.#write(batch.slice(half));
      }
    }
  }
}

function release(waiting: (() => void)[]): void {
  for (const proceed of waiting.splice(0)) proceed();
}
