import type { StoredSample } from './outbox.ts';

/** What was sent and is not acknowledged yet, in the order of sending. */
export class Flight {
  readonly #sentAt = new Map<StoredSample, number>();

  get size(): number {
    return this.#sentAt.size;
  }

  has(stored: StoredSample): boolean {
    return this.#sentAt.has(stored);
  }

  /** Sent at `now`, perhaps again. */
  add(stored: StoredSample, now: number): void {
    this.#sentAt.delete(stored);
    this.#sentAt.set(stored, now);
  }

  delete(stored: StoredSample): void {
    this.#sentAt.delete(stored);
  }

  clear(): void {
    this.#sentAt.clear();
  }

  /** Takes out what was sent before `time` or is gone; returns how many of them still wait. */
  expire(time: number): number {
    let waiting = 0;
    for (const [stored, at] of this.#sentAt) {
      if (!stored.gone && at > time) break;
      this.#sentAt.delete(stored);
      if (!stored.gone) waiting++;
    }
    return waiting;
  }

  /** When the oldest was sent, or null. */
  oldest(): number | null {
    return this.#sentAt.values().next().value ?? null;
  }
}
