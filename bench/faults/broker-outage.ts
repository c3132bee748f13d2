import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleFarm, drain, type FarmOptions, ledgerOf, makeFarms, sizeOf } from './farm.ts';
import type { Stack, StackOptions } from './stack.ts';
import { type Comparison, compare } from './stored.ts';

export interface BrokerOutageOptions {
  /** An empty folder for all data. */
  readonly folder: string;
  readonly start: (options: StackOptions) => Promise<Stack>;
  /** `SIGKILL`: it is gone, and started again at the end. `SIGSTOP`: it hangs with its connections open, and continues at the end. */
  readonly how: 'SIGKILL' | 'SIGSTOP';
  readonly seconds: number;
  readonly hosts: number;
  /** Samples per second of all hosts together. */
  readonly rate: number;
  /** Absent: an agent's own. */
  readonly timing?: FarmOptions['timing'];
}

export interface BrokerOutageReport extends Comparison {
  /** Samples that agents held when the broker was back. */
  readonly backlog: number;
  /** From then until they held no more than what is under way in one second. */
  readonly drainSeconds: number;
  readonly left: number;
}

const CALM_MS = 5000;
const DRAIN_LIMIT_MS = 180_000;

/** Takes the broker away for a while from agents that go on collecting. */
export async function runBrokerOutage({
  folder,
  start,
  how,
  seconds,
  hosts,
  rate,
  timing,
}: BrokerOutageOptions): Promise<BrokerOutageReport> {
  const bundle = await bundleFarm(folder);
  const stack = await start({ folder: join(folder, 'server'), hosts });
  const farms = makeFarms(stack, bundle, { folder, processes: 1, rate, ...(timing === undefined ? {} : { timing }) });
  const pending = (): number => farms.reduce((sum, farm) => sum + farm.pending, 0);
  try {
    await Promise.all(farms.map((farm) => farm.program.start()));
    await sleep(CALM_MS);
    if (how === 'SIGKILL') await stack.broker.kill();
    else process.kill(stack.brokerPid(), 'SIGSTOP');
    await sleep(seconds * 1000);
    if (how === 'SIGKILL') await stack.broker.restart();
    else process.kill(stack.brokerPid(), 'SIGCONT');
    const backlog = pending();
    const back = performance.now();
    while (pending() > rate && performance.now() - back < DRAIN_LIMIT_MS) await sleep(100);
    const drainSeconds = Math.round((performance.now() - back) / 100) / 10;
    await drain(farms, DRAIN_LIMIT_MS);
    const left = pending();
    await Promise.all(farms.map((farm) => farm.kill()));
    const ledger = ledgerOf(farms);
    return { ...compare(ledger, await stack.finish(sizeOf(ledger))), backlog, drainSeconds, left };
  } finally {
    await Promise.all(farms.map((farm) => farm.kill()));
    await stack.close();
  }
}
