import { setTimeout as sleep } from 'node:timers/promises';
import { type Collector, type CollectorsConfig, createRunner, settingsOf } from '@hostwire/collectors';
import { askLine, type DumpEntry, type HostAccess, recordAccess } from '@hostwire/host-access';
import type { Capability, CollectError, Row } from '@hostwire/model';
import { PRIMING_MS } from '../schedule.ts';

/** One thing that was asked of the host, with what came back. */
export interface Ask {
  /** As in a dump: `< /proc/stat`, `$ zpool list`. */
  readonly ask: string;
  /** `exit=0`, `status=200`, `error=ENOENT`; empty for a file that was read. */
  readonly outcome: string;
  readonly durationMs: number;
  readonly text: string;
}

/** What one collector made of what it asked. */
export interface Reading {
  readonly collector: string;
  readonly capability: Capability;
  readonly rows: Readonly<Record<string, readonly Row[]>>;
  readonly errors: readonly CollectError[];
  /** In the order in which they were answered; those of the reading alone, not of a first one that rates need. */
  readonly asks: readonly Ask[];
}

/** Takes one reading of each of these collectors that works here. Never rejects. */
export async function takeReadings(
  access: HostAccess,
  collectors: readonly Collector[],
  config: CollectorsConfig,
): Promise<readonly Reading[]> {
  const started = await Promise.all(collectors.map((collector) => start(access, collector, config)));
  if (started.some(({ needsTwo }) => needsTwo)) await sleep(PRIMING_MS);
  const readings: Reading[] = [];
  for (const { finish } of started) readings.push(await finish());
  return readings;
}

async function start(access: HostAccess, collector: Collector, config: CollectorsConfig) {
  const { name } = collector;
  const entries: DumpEntry[] = [];
  const recorded = recordAccess(access, { command: (entry) => entries.push(entry) });
  const runner = createRunner({ access: recorded, collectors: [collector], options: config });
  const { tier } = settingsOf(collector, config);
  const { [name]: capability = { available: false } } = await runner.probeAll();
  const needsTwo = capability.available && collector.needsTwo === true;
  if (needsTwo) await runner.collect(tier);
  entries.length = 0;
  return {
    needsTwo,
    async finish(): Promise<Reading> {
      const { data, errors } = capability.available ? await runner.collect(tier) : { data: {}, errors: [] };
      runner.close();
      const { collector: _self, ...rows } = data as Record<string, Row[]>;
      return { collector: name, capability, rows, errors, asks: entries.map(toAsk) };
    },
  };
}

function toAsk({ asked, durationMs, answer }: DumpEntry): Ask {
  const ask = askLine(asked);
  if (answer.error !== undefined) return { ask, outcome: `error=${answer.error}`, durationMs, text: '' };
  const { exitCode, status, stdout, stderr } = answer;
  const outcome = exitCode !== undefined ? `exit=${exitCode}` : status !== undefined ? `status=${status}` : '';
  return { ask, outcome, durationMs, text: asked.kind === 'command' ? stdout + stderr : stdout };
}
