import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleFarm, drain, ledgerOf, makeFarms, sizeOf } from './farm.ts';
import { generator } from './random.ts';
import type { Part, Stack, StackOptions } from './stack.ts';
import { type Comparison, compare } from './stored.ts';

export interface ChaosOptions {
  /** An empty folder for all data. */
  readonly folder: string;
  readonly start: (options: StackOptions) => Promise<Stack>;
  readonly kills: number;
  readonly hosts: number;
  /** Processes that the hosts' agents are divided among. */
  readonly farms: number;
  /** Samples per second of all hosts together. */
  readonly rate: number;
  /** Chooses whom to kill and when; printed, so that a run can be repeated. */
  readonly seed: number;
  /** Between two kills, ms; the second half of it at random. Default 3000. */
  readonly everyMs?: number;
  readonly acknowledgeEarly?: boolean;
  /** How long agents may take at the end to hand over what they hold; default 120 s. */
  readonly drainMs?: number;
}

export interface ChaosReport extends Comparison {
  /** By name of the part. */
  readonly kills: Readonly<Record<string, number>>;
  /** Samples that agents still held at the end. */
  readonly left: number;
  readonly seconds: number;
  readonly drainSeconds: number;
}

/**
 * Agents collect and deliver while parts of the system, the agents among them, are killed with SIGKILL at random; then
 * everything runs, the agents hand over what they hold, and what they collected is compared with the store.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, hosts: count, farms: processes, everyMs = 3000, drainMs = 120_000, acknowledgeEarly = false } = options;
  const random = generator(options.seed);
  const bundle = await bundleFarm(folder);
  const stack = await options.start({ folder: join(folder, 'server'), hosts: count, acknowledgeEarly });
  const farms = makeFarms(stack, bundle, {
    folder,
    processes,
    rate: options.rate,
    timing: { minDelayMs: 100, maxDelayMs: 500, ackTimeoutMs: 2000 },
  });
  const kills: Record<string, number> = {};
  const start = performance.now();
  try {
    await Promise.all(farms.map((farm) => farm.program.start()));
    const parts: readonly Part[] = [...farms, ...stack.parts];
    let deck: Part[] = [];
    for (let kill = 0; kill < options.kills; kill++) {
      await sleep(everyMs / 2 + (random() * everyMs) / 2);
      // Everybody once, in an order by chance, before anybody twice.
      if (deck.length === 0) deck = [...parts];
      const [part] = deck.splice(Math.floor(random() * deck.length), 1) as [Part];
      kills[part.name] = (kills[part.name] ?? 0) + 1;
      await part.kill();
      // Down for a moment, so that others meet its absence.
      await sleep(random() * 1000);
      await part.restart();
    }
    const drainSeconds = await drain(farms, drainMs);
    const left = farms.reduce((sum, { pending }) => sum + pending, 0);
    await Promise.all(farms.map((farm) => farm.kill()));
    const ledger = ledgerOf(farms);
    const comparison = compare(ledger, await stack.finish(sizeOf(ledger)));
    return { ...comparison, kills, left, seconds: Math.round((performance.now() - start) / 1000), drainSeconds };
  } finally {
    await Promise.all(farms.map((farm) => farm.kill()));
    await stack.close();
  }
}
