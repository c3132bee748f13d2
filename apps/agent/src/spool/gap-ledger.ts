import type { Gap, GapReason } from '@hostwire/collectors';

/** What is missing and not told yet: one gap a reason, so that a sample never carries two rows of one series. */
export class GapLedger {
  readonly #waiting = new Map<GapReason, Gap>();
  /** What is missing unless the server has it after all. */
  readonly #doubtful = new Map<string, readonly Gap[]>();

  /** Folds it into what waits for the same reason. */
  add(gap: Gap): void {
    const other = this.#waiting.get(gap.reason);
    this.#waiting.set(gap.reason, other === undefined ? gap : fold(other, gap));
  }

  /** Keeps gaps back until it is known whether they are any: `confirm` or `dismiss` says so. */
  doubt(key: string, gaps: readonly Gap[]): void {
    this.#doubtful.set(key, gaps);
  }

  /** They are gaps. */
  confirm(key: string): void {
    const gaps = this.#doubtful.get(key) ?? [];
    this.#doubtful.delete(key);
    for (const gap of gaps) this.add(gap);
  }

  /** Nothing is missing. */
  dismiss(key: string): void {
    this.#doubtful.delete(key);
  }

  /** All that is certain and waits; none of it waits then. */
  take(): Gap[] {
    const gaps = [...this.#waiting.values()];
    this.#waiting.clear();
    return gaps;
  }

  /** Takes off what a sample tells. */
  subtract(gaps: readonly Gap[]): void {
    for (const { reason, count } of gaps) {
      const other = this.#waiting.get(reason);
      if (other === undefined) continue;
      if (other.count <= count) this.#waiting.delete(reason);
      else this.#waiting.set(reason, { ...other, count: other.count - count });
    }
  }

  /** Puts these in the place of all that waits. */
  replace(gaps: readonly Gap[]): void {
    this.#waiting.clear();
    for (const gap of gaps) this.add(gap);
  }

  /** With what is doubtful: a run that ends now cannot find out any more. */
  waiting(): Gap[] {
    const all = new Map(this.#waiting);
    for (const gap of [...this.#doubtful.values()].flat()) {
      const other = all.get(gap.reason);
      all.set(gap.reason, other === undefined ? gap : fold(other, gap));
    }
    return [...all.values()];
  }

  /** Nothing that is certain waits. */
  get empty(): boolean {
    return this.#waiting.size === 0;
  }
}

function fold(a: Gap, b: Gap): Gap {
  return { reason: a.reason, from: Math.min(a.from, b.from), to: Math.max(a.to, b.to), count: a.count + b.count };
}
