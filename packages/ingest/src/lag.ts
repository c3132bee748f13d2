import { comparePositions, type Journal, type Position, type StoredRecord } from '@hostwire/journal';

export interface LagStats {
  /** What the journal holds and the store does not have yet. */
  readonly lagBytes: number;
  readonly lagSamples: number;
  /** Age of the oldest of these. */
  readonly lagMs: number;
}

const SCAN_BYTES = 1024 * 1024;

/** How far a drain is behind its journal. */
export class Lag {
  readonly #journal: Journal;
  readonly #now: () => number;
  /** Records of segment `#segment` that were passed. */
  #passed = 0;
  #segment = -1;
  #oldestAt: number | null = null;

  constructor(journal: Journal, now: () => number) {
    this.#journal = journal;
    this.#now = now;
  }

  /** Counts what lies before the place in its segment. Rejects with JournalError if that cannot be read. */
  async start(at: Position): Promise<void> {
    let place = this.#journal.first;
    for (;;) {
      const records = await this.#journal.read(place, SCAN_BYTES);
      const before = records.filter(({ position }) => comparePositions(position, at) < 0);
      this.passed(before);
      const last = before.at(-1);
      if (last === undefined || before.length < records.length) return;
      place = last.end;
    }
  }

  /** The append time of what is read next; null: everything was read. */
  oldest(appendedAt: number | null): void {
    this.#oldestAt = appendedAt;
  }

  passed(records: readonly StoredRecord[]): void {
    for (const { position } of records) {
      if (position.segment !== this.#segment) this.#passed = 0;
      this.#segment = position.segment;
      this.#passed++;
    }
  }

  stats(at: Position): LagStats {
    let lagBytes = 0;
    let lagSamples = 0;
    for (const { segment, bytes, records } of this.#journal.segments()) {
      if (segment < at.segment) continue;
      const isCurrent = segment === at.segment;
      lagBytes += Math.max(0, bytes - (isCurrent ? at.offset : 0));
      lagSamples += Math.max(0, records - (isCurrent && segment === this.#segment ? this.#passed : 0));
    }
    const lagMs = lagSamples === 0 || this.#oldestAt === null ? 0 : Math.max(0, this.#now() - this.#oldestAt);
    return { lagBytes, lagSamples, lagMs };
  }
}
