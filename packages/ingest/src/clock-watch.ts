import { MAX_CLOCK_SKEW_MS, type Sample } from '@hostwire/model';

/** Whose clock is wrong. */
export class ClockWatch {
  readonly #now: () => number;
  /** Hosts whose clock is wrong, with the run that showed it. */
  readonly #wrong = new Map<string, string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * A live sample was taken just now, so its time must be about now. One from the backlog may be old, unless the live
   * samples of its run show that this agent's clock is wrong; nothing may come from the future.
   */
  isWrong({ host, run, time, backfill }: Sample): boolean {
    const ahead = time - this.#now();
    if (backfill === true) return ahead > MAX_CLOCK_SKEW_MS || this.#wrong.get(host) === run;
    if (Math.abs(ahead) <= MAX_CLOCK_SKEW_MS) {
      this.#wrong.delete(host);
      return false;
    }
    this.#wrong.set(host, run);
    return true;
  }
}
