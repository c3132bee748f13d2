export interface BackoffOptions {
  /** Milliseconds, defaults 500 and 60,000. */
  readonly minMs?: number;
  readonly maxMs?: number;
  /** 0 up to 1. */
  readonly random?: () => number;
}

/** What a server may ask for; a longer wait would be a mistake of it, or malice. */
const MAX_ASKED_MS = 15 * 60_000;

/** Delays between attempts: full jitter below a bound that doubles, so that many who lost the same server do not return together. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor({ minMs = 500, maxMs = 60_000, random = Math.random }: BackoffOptions = {}) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Milliseconds until the next attempt, at least what the server asked for. */
  next(askedMs = 0): number {
    const bound = Math.min(this.#maxMs, this.#minMs * 2 ** Math.min(++this.#attempts, 30));
    const jittered = this.#minMs + this.#random() * (bound - this.#minMs);
    return Math.max(jittered, Math.min(askedMs, MAX_ASKED_MS));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
