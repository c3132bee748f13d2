import type { Tier } from '@hostwire/model';

/** Two clocks that show the same time may drift apart by this much between two ticks: a slewed clock, rounding. */
const DRIFT_MS = 50;
const DRIFT_SHARE = 0.001;

/**
 * The time between the ticks of a tier, for rates: the difference of their stamps where the wall clock did not jump, else
 * that of the monotonic clock. So a replay, which knows the stamps alone, computes the rates that were recorded.
 */
export class TickPace {
  readonly #last = new Map<Tier, { readonly time: number; readonly monotonic: number; readonly reading: number }>();

  /** Whole milliseconds that never go back, from any start, for a tick stamped `time` when the monotonic clock showed `monotonic`. */
  reading(tier: Tier, time: number, monotonic: number): number {
    const last = this.#last.get(tier);
    let reading = Math.round(monotonic);
    if (last !== undefined) {
      const passed = monotonic - last.monotonic;
      const stamped = time - last.time;
      const agree = Math.abs(stamped - passed) <= DRIFT_MS + DRIFT_SHARE * passed;
      reading = last.reading + Math.max(0, Math.round(agree ? stamped : passed));
    }
    this.#last.set(tier, { time, monotonic, reading });
    return reading;
  }
}
