import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostAccess, ReplayHost } from '@hostwire/host-access';
import type { Capability, CollectError, Row } from '@hostwire/model';
import type { Collector } from './collector.ts';
import { createRunner } from './runner.ts';

/** What a recorded collector gives at the last of its recorded readings. */
export interface Replayed {
  readonly capability: Capability | undefined;
  /** Measurement -> rows, without those of the runner itself. */
  readonly rows: Record<string, Row[]>;
  readonly errors: CollectError[];
  /** Values that the runner had to leave out, of all readings. */
  readonly dropped: number;
}

/** A recorded host with what it was recorded with. */
export interface Fixture {
  readonly host: ReplayHost;
  /** The collector's configuration. */
  readonly options: Record<string, unknown>;
  readonly readings: number;
}

export async function openFixture(folder: string): Promise<Fixture> {
  const host = await ReplayHost.open(folder);
  const options = JSON.parse(readFileSync(join(folder, 'options.json'), 'utf8')) as Record<string, unknown>;
  const readings = readFileSync(join(folder, 'samples.log'), 'utf8').match(/"seq":/g)?.length ?? 1;
  return { host, options, readings };
}

/** Probes and reads a recorded host from its beginning. `wrap` stands between the collector and the recording. */
export async function replayFixture(
  collector: Collector,
  { host, options, readings }: Fixture,
  wrap: (access: HostAccess) => HostAccess = (access) => access,
): Promise<Replayed> {
  host.rewind();
  const runner = createRunner({
    access: wrap(host),
    collectors: [collector],
    options: { [collector.name]: options },
    monotonic: () => host.now().monotonic,
  });
  const capability = (await runner.probeAll())[collector.name];
  const { tier } = runner.collectors[0] ?? collector;
  let rows: Record<string, Row[]> = {};
  let errors: CollectError[] = [];
  let dropped = 0;
  for (let reading = 0; reading < readings; reading++) {
    const { time } = host.beginTick(tier);
    const { data, errors: told } = await runner.collect(tier, time);
    const { collector: self = [], ...own } = data;
    rows = own;
    errors = told;
    for (const { fields } of self) dropped += Number(fields['dropped'] ?? 0);
  }
  runner.close();
  return { capability, rows, errors, dropped };
}
