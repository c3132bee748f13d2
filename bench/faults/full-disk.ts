import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleFarm, drain, ledgerOf, makeFarms, sizeOf } from './farm.ts';
import { startAllInOne } from './stack.ts';
import { compare, readEmbeddedGaps } from './stored.ts';

export interface FullDiskReport {
  /** Samples that the agents made. */
  readonly made: number;
  /** Of those, not in the store. */
  readonly missing: number;
  /** The sum of the counts in measurement `gap`. */
  readonly counted: number;
  readonly reasons: readonly string[];
  /** The agents' process went on through it. */
  readonly running: boolean;
}

/** Mounts a tmpfs of that many bytes; the result unmounts it. Null where that is not allowed. */
export function mountTmpfs(folder: string, bytes: number): (() => void) | null {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return () => execFileSync('umount', ['-l', folder]);
}

/** Agents whose spools are on a file system that is full after a moment, without a server for a while. */
export async function runFullDisk(folder: string, seconds: number): Promise<FullDiskReport | null> {
  const disk = join(folder, 'disk');
  const unmount = mountTmpfs(disk, 1024 * 1024);
  if (unmount === null) return null;
  try {
    const bundle = await bundleFarm(folder);
    const stack = await startAllInOne({ folder: join(folder, 'server'), hosts: 2 });
    const [farm] = makeFarms(stack, bundle, {
      folder,
      spools: disk,
      processes: 1,
      rate: 200,
      spool: { minFreeBytes: 0, ringSamples: 500, doubtMs: 4000 },
      timing: { minDelayMs: 100, maxDelayMs: 500, ackTimeoutMs: 2000 },
    });
    if (farm === undefined) throw new Error('no farm');
    try {
      await farm.program.start();
      await sleep(2000);
      // An ack that is lost on its way makes a sample that is stored and, once given up, counted as missing.
      await farm.pause();
      await stack.broker.kill();
      farm.resume();
      await sleep(seconds * 1000);
      const running = farm.program.running;
      await stack.broker.restart();
      // Longer than a sample that was given up under way is in doubt, so that another tells of it.
      await sleep(7000);
      await drain([farm], 120_000);
      await farm.kill();
      const ledger = ledgerOf([farm]);
      const stored = await stack.finish(sizeOf(ledger));
      const gaps = await readEmbeddedGaps(join(folder, 'server', 'series'));
      return {
        made: sizeOf(ledger),
        missing: compare(ledger, stored).lost,
        counted: gaps.reduce((sum, { count }) => sum + count, 0),
        reasons: [...new Set(gaps.map(({ reason }) => reason))],
        running,
      };
    } finally {
      await farm.kill();
      await stack.close();
    }
  } finally {
    unmount();
  }
}
