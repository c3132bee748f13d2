import type { HostAccess } from '@hostwire/host-access';
import { expect } from 'vitest';
import type { Collector } from './collector.ts';
import { mutateAccess, randomFrom } from './mutate.testkit.ts';
import { createRunner } from './runner.ts';

/** Of each collector; by hand HOSTWIRE_MUTATIONS=100000. */
const MUTATIONS = Number(process.env['HOSTWIRE_MUTATIONS'] ?? 2000);
const SEED = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() % 1_000_000);

/**
 * For collectors of what no test machine has, whose answers were written by hand: reads this host as it is, and then again
 * and again with mutated answers. Throws an assertion unless each reading gives rows as declared or one clear error.
 */
export async function expectSoundRows(collector: Collector, host: HostAccess, options: Record<string, unknown> = {}): Promise<void> {
  const read = async (access: HostAccess) => {
    const runner = createRunner({ access, collectors: [collector], options: { [collector.name]: options } });
    await runner.probeAll();
    const { data, errors } = await runner.collect(runner.collectors[0]?.tier ?? collector.tier, 1_790_000_000_000);
    runner.close();
    return { errors, dropped: Number(data['collector']?.[0]?.fields['dropped'] ?? 0), measurements: Object.keys(data) };
  };
  const sound = await read(host);
  expect({ errors: sound.errors, dropped: sound.dropped }).toEqual({ errors: [], dropped: 0 });
  expect(sound.measurements.filter((name) => Object.hasOwn(collector.measurements, name))).not.toEqual([]);
  for (let at = 0; at < MUTATIONS; at++) {
    const { errors, dropped } = await read(mutateAccess(host, randomFrom(SEED + at), 1 + (at % 4)));
    // A crash of the collector's own has no code, or one of the runtime; `schema` is a row that breaks its declaration.
    for (const { code, message } of errors) expect(code, `seed ${SEED + at}: ${message}`).not.toMatch(/^(failed|schema|timeout|ERR_)/);
    expect(dropped, `seed ${SEED + at}: NaN or infinity among its values`).toBe(0);
  }
}
