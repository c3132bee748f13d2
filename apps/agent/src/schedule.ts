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

/**
 * Starts the ticks: a priming reading at once, the first sample of every tier a second later, then each tier at multiples of
 * its interval on the wall clock plus the host's own offset (`spreadOf`). The wall clock is read once, at the start: afterwards
 * it may jump, and a tick that takes long moves no other. Ticks that were missed (a suspended machine) are left out.
 * The result stops the ticks.
 */
export function startSchedule({ intervals, host, prime, tick, timers = systemTimers }: ScheduleOptions): () => void {
  const cancels = new Set<() => void>();
  const at = (due: number, callback: () => void): void => {
    const cancel = timers.after(Math.max(0, due - timers.monotonic()), () => {
      cancels.delete(cancel);
      callback();
    });
    cancels.add(cancel);
  };
  const repeat = (tier: Tier, due: number, interval: number): void => {
    at(due, () => {
      const missed = Math.max(0, Math.floor((timers.monotonic() - due) / interval));
      repeat(tier, due + (missed + 1) * interval, interval);
      tick(tier);
    });
  };

  const start = timers.monotonic();
  const wall = timers.wall();
  prime();
  at(start + PRIMING_MS, () => {
    for (const tier of TIERS) tick(tier);
  });
  for (const tier of TIERS) {
    const interval = intervals[tier] * 1000;
    // A rate over a sliver of time says little, so the second sample keeps a quarter of an interval from the first.
    const earliest = PRIMING_MS + interval / 4;
    const phase = (((wall + earliest - spreadOf(host, interval)) % interval) + interval) % interval;
    repeat(tier, start + earliest + (phase === 0 ? 0 : interval - phase), interval);
  }
  return () => {
    for (const cancel of cancels) cancel();
    cancels.clear();
  };
}

/** The offset of a host's ticks in ms: always the same for one host, less than half an interval and than 10 s. */
export function spreadOf(host: string, intervalMs: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  return Math.floor(((hash >>> 0) / 2 ** 32) * Math.min(intervalMs / 2, MAX_SPREAD_MS));
}
