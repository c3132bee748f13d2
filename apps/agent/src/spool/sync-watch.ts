import { comparePositions, type Position } from '@hostwire/journal';
import type { TickClock } from '../tick-clock.ts';
import type { Entry, SampleIndex } from './sample-index.ts';
import type { SpoolDisk } from './spool-disk.ts';

export interface SyncWatchOptions {
  readonly disk: SpoolDisk;
  readonly index: SampleIndex;
  readonly clock: TickClock;
  readonly boot: string;
  /** What waits for this long is fsynced. */
  readonly syncMs: number;
  /** Writes anew what the disk did not make durable. */
  readonly again: (entries: readonly Entry[]) => Promise<void>;
}

const MAX_WAIT_MS = 600_000;

/** Fsyncs what waits for long, so that a power failure does not take it. */
export class SyncWatch {
  readonly #options: SyncWatchOptions;
  /** Up to here all is durable. */
  #synced: Position = { segment: 0, offset: 0 };
  #after = Number.NEGATIVE_INFINITY;
  #waitMs: number;
  #running = false;

  constructor(options: SyncWatchOptions) {
    this.#options = options;
    this.#waitMs = options.syncMs;
  }

  /** Looks whether something is due. Never rejects. */
  async look(): Promise<void> {
    const { disk, clock, syncMs, again } = this.#options;
    const now = clock.monotonic();
    if (this.#running || disk.hung || now < this.#after || !this.#isDue(now)) return;
    const { end } = disk.journal;
    this.#running = true;
    if (await disk.sync()) {
      this.#synced = end;
      this.#waitMs = syncMs;
    } else {
      // All that is not durable is written anew each time.
      this.#after = now + this.#waitMs;
      this.#waitMs = Math.min(this.#waitMs * 2, MAX_WAIT_MS);
      await again([...this.#volatile()]);
    }
    this.#running = false;
  }

  #isDue(now: number): boolean {
    const { boot, syncMs } = this.#options;
    for (const entry of this.#volatile()) if (entry.boot !== boot || now - entry.monotonic >= syncMs) return true;
    return false;
  }

  *#volatile(): Generator<Entry> {
    for (const entry of this.#options.index.all()) if (entry.segment >= 0 && comparePositions(entry, this.#synced) >= 0) yield entry;
  }
}
