/** Ratio of one bucket's bounds: percentiles are exact to 2 %. */
const GROWTH = 1.02;
const SMALLEST_MS = 0.01;

/** Counts of durations in buckets that grow by 2 %, so that a run of any length takes the same memory. */
export class Latencies {
  readonly #counts: number[] = [];
  #total = 0;
  #largest = 0;

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(Math.max(ms, SMALLEST_MS) / SMALLEST_MS) / Math.log(GROWTH)));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    this.#largest = Math.max(this.#largest, ms);
  }

  /** The duration that this part (0..1) of all did not exceed, in milliseconds; 0 if there are none. */
  percentile(part: number): number {
    const rank = Math.max(1, Math.ceil(part * this.#total));
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count ?? 0;
      if (seen >= rank) return Math.min(this.#largest, SMALLEST_MS * GROWTH ** bucket);
    }
    return this.#largest;
  }
}
