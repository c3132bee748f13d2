/** The recorded time of a tick. */
export interface ReplayTime {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Milliseconds since the first tick of this tier; never goes back, also where a replay starts again from the beginning. */
  readonly monotonic: number;
}

/** A tick is stamped just before its first ask: this much later at most. */
const STAMP_TOLERANCE_MS = 100;

/** What lies nearer than this part of the last step is no tick but what the last one left over. */
const LEAST_STEP = 8;

/**
 * Finds the recorded ticks of one tier again. A dump does not say where a tick begins, but each tick asks much the same
 * things: most of what was asked in the last one has its next recorded answer in the next one.
 */
export class ReplayClock {
  /** Recorded stamps of samples, ascending. */
  readonly #stamps: readonly number[];
  #now: ReplayTime;
  #step = 0;

  /** `first`: when the first thing was asked in the first tick. */
  constructor(stamps: readonly number[], first: number) {
    this.#stamps = stamps;
    this.#now = { time: this.#stampOf(first, Number.NEGATIVE_INFINITY), monotonic: 0 };
  }

  get now(): ReplayTime {
    return this.#now;
  }

  /**
   * The next tick, given when those things that were asked in the last one were next recorded. If all of that is in the
   * past, nothing more was recorded and time stands still, so that no rate is made up; with `loop` it begins again.
   */
  advance(nexts: readonly number[], loop: boolean): ReplayTime {
    const { monotonic, time: last } = this.#now;
    const ahead = nexts.filter((time) => time > last + this.#step / LEAST_STEP).sort((a, b) => a - b);
    const most = ahead[Math.floor(ahead.length / 2)];
    if (most !== undefined) {
      // What the last tick asked more than once may have answers left over that belong to it still.
      const first = ahead.find((time) => time > (last + most) / 2) ?? most;
      const time = this.#stampOf(first, last);
      this.#step = time - last;
      this.#now = { time, monotonic: monotonic + this.#step };
    } else if (loop && nexts.length > 0) {
      this.#now = { time: this.#stampOf(Math.min(...nexts), Number.NEGATIVE_INFINITY), monotonic: monotonic + this.#step };
    }
    return this.#now;
  }

  #stampOf(first: number, after: number): number {
    const stamp = this.#stamps.findLast((time) => time <= first);
    return stamp !== undefined && stamp > after && first - stamp <= STAMP_TOLERANCE_MS ? stamp : first;
  }
}
