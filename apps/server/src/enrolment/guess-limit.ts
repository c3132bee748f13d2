/** Wrong codes of all addresses together, per minute. */
const WRONG_PER_MINUTE = 60;
const MINUTE_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/**
 * Bounds how fast strangers can guess at codes, whatever number of addresses they have. When there were too many wrong codes,
 * an address may still try once a minute, so that guessers do not lock out who has a code.
 */
export class GuessLimit {
  readonly #now: () => number;
  #wrong = 0;
  #since: number;
  readonly #tried = new Set<string>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** True if this address may try a code now. */
  mayTry(address: string): boolean {
    const now = this.#now();
    if (now - this.#since >= MINUTE_MS) {
      this.#since = now;
      this.#wrong = 0;
      this.#tried.clear();
    }
    if (this.#wrong < WRONG_PER_MINUTE) return true;
    if (this.#tried.has(address) || this.#tried.size >= MAX_ADDRESSES) return false;
    this.#tried.add(address);
    return true;
  }

  /** To be told of each code that was refused. */
  wrong(): void {
    this.#wrong++;
  }
}
