import type { ProcessStat } from './parse.ts';

/** USER_HZ: what the kernel counts in towards user space, 100 on every architecture that Node.js runs on. */
export const TICKS_PER_SECOND = 100;

/** All processes at one moment. */
export interface Reading {
  /** Milliseconds on the monotonic clock. */
  readonly monotonic: number;
  /** Of every pid: what tells it from a later process of the same pid, and the time it had used. */
  readonly processes: ReadonlyMap<number, { readonly startTime: number; readonly ticks: number }>;
}

export function toReading(stats: readonly ProcessStat[], monotonic: number): Reading {
  return { monotonic, processes: new Map(stats.map(({ pid, startTime, ticks }) => [pid, { startTime, ticks }])) };
}

/**
 * Percent of one core that each process used since `before`, as top(1) shows it: four busy threads are 400. A process
 * that is new has used all its time since then. Null where that cannot be: no time passed, or more was used than its
 * threads could have (it was only not seen before).
 */
export function cpuUsages(stats: readonly ProcessStat[], before: Reading, monotonic: number): Map<number, number> {
  const usages = new Map<number, number>();
  const elapsedTicks = ((monotonic - before.monotonic) / 1000) * TICKS_PER_SECOND;
  if (!(elapsedTicks > 0)) return usages;
  for (const { pid, startTime, ticks, threads } of stats) {
    const last = before.processes.get(pid);
    const isKnown = last !== undefined && last.startTime === startTime;
    const used = Math.max(0, ticks - (isKnown ? last.ticks : 0));
    if (!isKnown && used > 2 * elapsedTicks * Math.max(1, threads)) continue;
    usages.set(pid, (100 * used) / elapsedTicks);
  }
  return usages;
}

/** The first `count` of `stats` by `of`, largest first; equal ones by pid, so that the order is always the same. */
export function largest(stats: readonly ProcessStat[], count: number, of: (stat: ProcessStat) => number): ProcessStat[] {
  return [...stats].sort((a, b) => of(b) - of(a) || a.pid - b.pid).slice(0, count);
}
