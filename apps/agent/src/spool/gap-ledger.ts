import type { Gap, GapReason } from '@hostwire/collectors';

/** What is missing and not told yet: one gap a reason, so that a sample never carries two rows of one series. */
export class GapLedger {
  readonly #waiting = new Map<GapReason, Gap>();

  /** Folds it into what waits for the same reason. */
  add(gap: Gap): void {
    const other = this.#waiting.get(gap.reason);
    this.#waiting.set(gap.reason, other === undefined ? gap : fold(other, gap));
  }

  /** All that waits; nothing waits then. */
  take(): Gap[] {
    const gaps = this.waiting();
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

  waiting(): Gap[] {
    return [...this.#waiting.values()];
  }

  get empty(): boolean {
    return this.#waiting.size === 0;
  }
}

function fold(a: Gap, b: Gap): Gap {
  return { reason: a.reason, from: Math.min(a.from, b.from), to: Math.max(a.to, b.to), count: a.count + b.count };
}
