import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failFsync } from './failing-fsync.ts';
import { bundleFarm, drain, ledgerOf, makeFarms, sizeOf } from './farm.ts';
import type { Stack, StackOptions } from './stack.ts';
import { type Comparison, compare } from './stored.ts';

export interface EioReport extends Comparison {
  /** Samples made while every fsync of the server failed, and those of them that were acknowledged meanwhile. */
  readonly madeMeanwhile: number;
  readonly acknowledgedMeanwhile: number;
  readonly left: number;
}

const SETTLE_MS = 1000;

/** The server's disk answers EIO to every fsync for a while: nothing may be acknowledged, and nothing lost. */
export async function runFailingDisk({
  folder,
  start,
  seconds,
  hosts,
  rate,
}: {
  readonly folder: string;
  readonly start: (options: StackOptions) => Promise<Stack>;
  readonly seconds: number;
  readonly hosts: number;
  readonly rate: number;
}): Promise<EioReport> {
  const bundle = await bundleFarm(folder);
  const stack = await start({ folder: join(folder, 'server'), hosts });
  const farms = makeFarms(stack, bundle, {
    folder,
    processes: 1,
    rate,
    timing: { minDelayMs: 100, maxDelayMs: 500, ackTimeoutMs: 2000 },
  });
  const pending = (): number => farms.reduce((sum, farm) => sum + farm.pending, 0);
  const made = (): number => farms.reduce((sum, farm) => sum + farm.collected, 0);
  try {
    await Promise.all(farms.map((farm) => farm.program.start()));
    await sleep(3000);
    const failing = await Promise.all(stack.durablePids().map((pid) => failFsync(pid)));
    // What was on its way into a commit that had begun may still be acknowledged.
    await sleep(SETTLE_MS);
    const [madeBefore, heldBefore] = [made(), pending()];
    await sleep(seconds * 1000);
    const madeMeanwhile = made() - madeBefore;
    const acknowledgedMeanwhile = madeMeanwhile - (pending() - heldBefore);
    await Promise.all(failing.map((disk) => disk.end()));
    await drain(farms, 120_000);
    const left = pending();
    await Promise.all(farms.map((farm) => farm.kill()));
    const ledger = ledgerOf(farms);
    return { ...compare(ledger, await stack.finish(sizeOf(ledger))), madeMeanwhile, acknowledgedMeanwhile, left };
  } finally {
    await Promise.all(farms.map((farm) => farm.kill()));
    await stack.close();
  }
}
