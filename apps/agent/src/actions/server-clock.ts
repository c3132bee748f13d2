/** A reading that says less than the best one is believed only once that one is so old: what came late says too little. */
const BELIEVED_MS = 10 * 60_000;

/**
 * The server's clock, as far as what it sent tells: never ahead of it but where it was set back. A message that was held up
 * on its way says an earlier time than it is, so of several the one that says most counts.
 */
export class ServerClock {
  readonly #monotonic: () => number;
  #best: { readonly offset: number; readonly at: number } | null = null;

  /** `monotonic`: milliseconds that only ever grow. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** The server's clock showed `time` when it sent what has come just now. */
  heard(time: number): void {
    const at = this.#monotonic();
    const offset = time - at;
    if (this.#best === null || offset >= this.#best.offset || at - this.#best.at > BELIEVED_MS) this.#best = { offset, at };
  }

  /** Ms since the epoch; null: the server has not told the time yet. */
  now(): number | null {
    return this.#best === null ? null : this.#best.offset + this.#monotonic();
  }
}
