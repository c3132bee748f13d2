import type { ProcessForest } from '../process-table.ts';
import type { ProcessStat } from '../processes/parse.ts';
import { TICKS_PER_SECOND } from '../processes/top.ts';

/** All processes at one moment. */
export interface ForestReading {
  /** Milliseconds on the monotonic clock. */
  readonly monotonic: number;
  readonly forest: ProcessForest;
  /** When the youngest of them began, in ticks after boot. */
  readonly latestStart: number;
}

export function toForestReading(forest: ProcessForest, stats: readonly ProcessStat[], monotonic: number): ForestReading {
  return { monotonic, forest, latestStart: stats.reduce((latest, { startTime }) => Math.max(latest, startTime), 0) };
}

/**
 * Percent of one core that these processes, and those that ended among them, used since `before`; undefined if no time
 * passed. A child that ended is counted by what its parent got for waiting for it, less what was counted of it before;
 * one that nobody waited for is counted to the last reading. Never negative.
 */
export function usageOf(tree: readonly ProcessStat[], before: ForestReading, now: ForestReading): number | undefined {
  const elapsedTicks = ((now.monotonic - before.monotonic) / 1000) * TICKS_PER_SECOND;
  if (!(elapsedTicks > 0)) return undefined;
  let used = 0;
  for (const stat of tree) {
    const last = before.forest.get(stat.pid);
    if (last?.startTime === stat.startTime) {
      used += Math.max(0, stat.ticks - last.ticks);
      used += Math.max(0, stat.childTicks - last.childTicks - endedBelow(stat.pid, before.forest, now.forest));
    } else if (stat.startTime >= before.latestStart) {
      // New since then. An older one was only not seen: what it used before is not of this interval.
      used += stat.ticks + stat.childTicks;
    }
  }
  return (100 * used) / elapsedTicks;
}

/** Ticks that had been counted of the descendants of a process that are no more. */
function endedBelow(pid: number, before: ProcessForest, now: ProcessForest): number {
  let ticks = 0;
  const seen = new Set<number>();
  const open = [...before.children(pid)];
  for (let stat = open.pop(); stat !== undefined; stat = open.pop()) {
    if (now.get(stat.pid)?.startTime === stat.startTime || seen.has(stat.pid)) continue;
    seen.add(stat.pid);
    ticks += stat.ticks + stat.childTicks;
    open.push(...before.children(stat.pid));
  }
  return ticks;
}
