import { setTimeout as sleep } from 'node:timers/promises';
import { type CollectorsConfig, catalog } from '@hostwire/collectors';
import { newRunId, type Sample, TIERS, type Tier } from '@hostwire/model';
import { getAcquainted } from './host-facts.ts';
import type { HostSource } from './host-source.ts';
import { createSampler } from './sampler.ts';
import { PRIMING_MS } from './schedule.ts';
import { TickClock } from './tick-clock.ts';
import { createTicks } from './ticks.ts';

export interface DryRunOptions {
  readonly source: HostSource;
  readonly host: string;
  readonly intervals: Readonly<Record<Tier, number>>;
  readonly collectors: CollectorsConfig;
}

/**
 * What the agent would send: one sample of every tier that has rows or errors, after a first reading where a rate needs two.
 * A recording is read in the order in which the agent recorded it, so that each ask meets the answer that it had.
 */
export async function dryRun({ source, host, intervals, collectors }: DryRunOptions): Promise<Sample[]> {
  const ticks = createTicks({ source, clock: new TickClock(), intervals, collectors, recordedTime: true });
  try {
    const run = newRunId();
    await getAcquainted({ source, ticks, remapped: false, run, intervals });
    await ticks.prime();
    if (source.replay === null) await sleep(PRIMING_MS);
    const toSamples = createSampler({ host, run, catalog: catalog().hash, intervals: () => intervals });
    const taken = await Promise.all(TIERS.map(async (tier) => ({ tier, ...(await ticks.take(tier)) })));
    return taken
      .filter(({ collected }) => Object.keys(collected.data).length + collected.errors.length > 0)
      .flatMap(({ tier, collected }) => toSamples(tier, collected));
  } finally {
    ticks.close();
  }
}
