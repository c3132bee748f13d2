/** Named counters of one part of the server; every drop and refusal has one. Shown on /metrics. */
export class Counters {
  readonly #values = new Map<string, number>();

  /** Adds `by` to `name`; labels are part of the name as Prometheus writes them, e.g. `refused{reason="bad-token"}`. */
  add(name: string, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0;
  }

  entries(): [name: string, value: number][] {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
