import { StoreError, type WriteResult } from '@hostwire/store';
import { divide } from './divide.ts';

/** Makes items durable, all or nothing. StoreError `invalid`: one of them will never be taken. */
export type Committer<Item> = (items: readonly Item[]) => Promise<WriteResult>;

/** One sample on its way to where it is durable. */
export interface Entry<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly points: number;
  /** Durable; `rejected` says which fields were left out. */
  stored(rejected: WriteResult['rejected']): void;
  /** It will never be taken. */
  refused(error: StoreError): void;
  /** It is not taken now. */
  failed(error: unknown): void;
}

export interface CommitLimits {
  /** Payload bytes that may wait or be on their way. */
  readonly queue: number;
  /** A commit takes no more at once, so that a backlog does not become one that lasts for seconds. */
  readonly commit: number;
}

/** gzip hides what a sample costs from its bytes. */
const MAX_BATCH_POINTS = 40_000;

/** While one commit is being made durable, the next is being prepared. */
const MAX_COMMITS = 2;

/** Makes what waits at the same time durable in one commit. */
export class CommitQueue<Item> {
  readonly #committer: Committer<Item>;
  readonly #onCommit: () => void;
  #entries: Entry<Item>[] = [];
  #bytes = 0;
  #commits = 0;
  #gathering = false;
  #whenIdle: (() => void)[] = [];
  #roomFor: (() => void)[] = [];
  readonly #limits: CommitLimits;

  /** `onCommit` is called after each commit, when all its entries were told. */
  constructor(committer: Committer<Item>, limits: CommitLimits, onCommit: () => void) {
    this.#committer = committer;
    this.#limits = limits;
    this.#onCommit = onCommit;
  }

  /** Payload bytes that wait or are being written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Null if there is room; otherwise resolves when there is some. */
  room(): Promise<void> | null {
    return this.#bytes < this.#limits.queue ? null : new Promise((done) => this.#roomFor.push(done));
  }

  push(entry: Entry<Item>): void {
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

  async #commit(batch: readonly Entry<Item>[]): Promise<void> {
    this.#commits++;
    this.#gather();
    await divide(
      batch,
      (part) => this.#write(part),
      (entry, error) => entry.refused(error),
    );
    this.#commits--;
    for (const { bytes } of batch) this.#bytes -= bytes;
    if (this.#bytes < this.#limits.queue) release(this.#roomFor);
    if (this.#bytes === 0 && this.#commits === 0) release(this.#whenIdle);
    this.#gather();
  }

  #take(): Entry<Item>[] {
    let bytes = 0;
    let points = 0;
    let count = 0;
    while (count < this.#entries.length && bytes < this.#limits.commit && points < MAX_BATCH_POINTS) {
      const entry = this.#entries[count++];
      bytes += entry?.bytes ?? 0;
      points += entry?.points ?? 0;
    }
    const batch = this.#entries.slice(0, count);
    this.#entries = count === this.#entries.length ? [] : this.#entries.slice(count);
    return batch;
  }

  async #write(entries: readonly Entry<Item>[]): Promise<void> {
    try {
      const { rejected } = await this.#committer(entries.map(({ item }) => item));
      const byGroup = rejectedByGroup(rejected);
      for (const [index, entry] of entries.entries()) entry.stored(byGroup.get(index) ?? []);
      this.#onCommit();
    } catch (error) {
      if (error instanceof StoreError && error.code === 'invalid') throw error;
      for (const entry of entries) entry.failed(error);
    }
  }
}

/** What was left out, by the index of the group that it belongs to. */
export function rejectedByGroup(rejected: WriteResult['rejected']): Map<number, WriteResult['rejected'][number][]> {
  const byGroup = new Map<number, WriteResult['rejected'][number][]>();
  for (const field of rejected) {
    const known = byGroup.get(field.group);
    if (known === undefined) byGroup.set(field.group, [field]);
    else known.push(field);
  }
  return byGroup;
}

function release(waiting: (() => void)[]): void {
  for (const proceed of waiting.splice(0)) proceed();
}
