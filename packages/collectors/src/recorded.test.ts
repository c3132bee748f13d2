import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutateAccess, randomFrom } from './mutate.testkit.ts';
import { openFixture, replayFixture } from './recorded.testkit.ts';
import { COLLECTORS } from './registry.ts';

/** Of each collector; by hand HOSTWIRE_MUTATIONS=100000. */
const MUTATIONS = Number(process.env['HOSTWIRE_MUTATIONS'] ?? 2000);
const SEED = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() % 1_000_000);
const source = fileURLToPath(new URL('.', import.meta.url));

const recorded = COLLECTORS.map((collector) => {
  const folder = join(source, collector.name, 'fixtures');
  const cases = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return { name: collector.name, collector, cases };
}).filter(({ cases }) => cases.length > 0);

const asJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? part.toString() : part)));

describe.each(recorded)('what $name recorded', ({ collector, cases }) => {
  it.each(cases.map((folder) => [folder.slice(source.length), folder]))('gives its rows: %s', async (_name, folder) => {
    const { capability, rows, errors } = await replayFixture(collector, await openFixture(folder));
    expect({ available: capability?.available, errors }).toEqual({ available: true, errors: [] });
    expect(asJson(rows)).toEqual(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));
    for (const [measurement, list] of Object.entries(rows)) {
      const series = list.map(({ tags }) => JSON.stringify(Object.entries(tags ?? {}).sort()));
      expect(new Set(series).size, `${measurement}: two rows of one series`).toBe(series.length);
    }
  });

  it(`gives rows as declared, or one clear error, whatever became of the answers (seed ${SEED})`, { timeout: 3_600_000 }, async () => {
    const fixtures = await Promise.all(cases.map(openFixture));
    for (let at = 0; at < MUTATIONS; at++) {
      const fixture = fixtures[at % fixtures.length];
      if (fixture === undefined) return;
      const random = randomFrom(SEED + at);
      const { errors, dropped } = await replayFixture(collector, fixture, (access) => mutateAccess(access, random, 1 + (at % 4)));
      const where = `seed ${SEED + at}, ${cases[at % cases.length]?.slice(source.length)}`;
      // A crash of the collector's own has no code, or one of the runtime; `schema` is a row that breaks its declaration.
      for (const { code, message } of errors) expect(code, `${where}: ${message}`).not.toMatch(/^(failed|schema|timeout|ERR_)/);
      expect(dropped, `${where}: NaN or infinity among its values`).toBe(0);
    }
  });
});
