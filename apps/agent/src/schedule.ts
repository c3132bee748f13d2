import { TIERS, type Tier } from '@hostwire/model';
import { type Clocks, systemClocks } from './tick-clock.ts';

/** Timers that run on the monotonic clock; injected in tests. */
export interface Timers extends Clocks {
  /** Calls `callback` after `ms`; the result cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const systemTimers: Timers = {
  ...systemClocks,
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export interface ScheduleOptions {
  /** Seconds. */
  readonly intervals: Readonly<Record<Tier, number>>;
  /** Spreads a fleet: hosts whose intervals are equal tick at different moments. */
  readonly host: string;
  /** Takes a reading that only rates need. */
  readonly prime: () => void;
  readonly tick: (tier: Tier) => void;
  readonly timers?: Timers;
}

/** From the priming reading to the first sample of every tier. */
export const PRIMING_MS = 1_000;
const MAX_SPREAD_MS = 10_000;

export interface Schedule {
  /**
   * Goes on with other intervals, in seconds: the next tick of a tier comes when it was due, or when the new interval wants
   * it if that is sooner; from then on on the new grid.
   */
  change(intervals: Readonly<Record<Tier, number>>): void;
  /** The next tick of a tier comes within a second, or a quarter of an interval after the one before. */
  hasten(tier: Tier): void;
  stop(): void;
}

interface TierTicks {
  /** Ms. */
  interval: number;
  /** When it ticked last, and is to tick next, by the monotonic clock. */
  last: number;
  due: number;
  cancel: () => void;
}

/**
 * Starts the ticks: a priming reading at once, the first sample of every tier a second later, then each tier at multiples of
 * its interval on the wall clock plus the host's own offset (`spreadOf`). The wall clock is read once, at the start: afterwards
 * it may jump, and a tick that takes long moves no other. Ticks that were missed (a suspended machine) are left out.
 */
export function startSchedule({ intervals, host, prime, tick, timers = systemTimers }: ScheduleOptions): Schedule {
  const start = timers.monotonic();
  const wall = timers.wall();

  /** The first moment from `earliest` on that is one of the grid. */
  const onGrid = (earliest: number, interval: number): number => {
    const phase = (((wall + earliest - start - spreadOf(host, interval)) % interval) + interval) % interval;
    return earliest + (phase === 0 ? 0 : interval - phase);
  };
  // A rate over a sliver of time says little, so a sample keeps a quarter of an interval from the one before.
  const nextOf = ({ last, interval }: TierTicks): number => onGrid(last + interval / 4, interval);

  const arm = (tier: Tier, ticks: TierTicks, due: number): void => {
    ticks.cancel();
    ticks.due = due;
    ticks.cancel = timers.after(Math.max(0, due - timers.monotonic()), () => {
      ticks.last = due;
      const next = nextOf(ticks);
      const missed = Math.max(0, Math.floor((timers.monotonic() - next) / ticks.interval) + 1);
      arm(tier, ticks, next + missed * ticks.interval);
      tick(tier);
    });
  };

  prime();
  const cancelFirst = timers.after(PRIMING_MS, () => {
    for (const tier of TIERS) tick(tier);
  });
  const tiers = new Map(
    TIERS.map((tier) => {
      const ticks: TierTicks = { interval: intervals[tier] * 1000, last: start + PRIMING_MS, due: 0, cancel: () => undefined };
      arm(tier, ticks, nextOf(ticks));
      return [tier, ticks] as const;
    }),
  );

  return {
    change(changed) {
      for (const [tier, ticks] of tiers) {
        const interval = changed[tier] * 1000;
        if (interval === ticks.interval) continue;
        ticks.interval = interval;
        const now = timers.monotonic();
        arm(tier, ticks, Math.min(ticks.due, onGrid(Math.max(now, ticks.last + interval / 4), interval)));
      }
    },
    hasten(tier) {
      const ticks = tiers.get(tier);
      if (ticks === undefined) return;
      arm(tier, ticks, Math.min(ticks.due, Math.max(timers.monotonic() + PRIMING_MS, ticks.last + ticks.interval / 4)));
    },
    stop() {
      cancelFirst();
      for (const { cancel } of tiers.values()) cancel();
    },
  };
}

/** The offset of a host's ticks in ms: always the same for one host, less than half an interval and than 10 s. */
export function spreadOf(host: string, intervalMs: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  return Math.floor(((hash >>> 0) / 2 ** 32) * Math.min(intervalMs / 2, MAX_SPREAD_MS));
}
