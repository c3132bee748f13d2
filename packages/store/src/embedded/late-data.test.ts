import type { PointGroup } from '@hostwire/model';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import type { QueryValue } from '../series-store.ts';
import { type EmbeddedStore, openEmbeddedStore } from './embedded-store.ts';

const START = Date.UTC(2026, 8, 21, 10);
const STEP = 10_000;
/** Five hours: several slots, whichever length they have. */
const COUNT = 1800;

const group = (at: number, fields: PointGroup['points'][number]['fields']): PointGroup => ({
  database: 'db',
  source: 'pve1/fast',
  time: START + at * STEP,
  points: [{ measurement: 'm', tags: { host: 'pve1' }, fields, types: {} }],
});

async function open(directory: string): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ directory, queryWorkers: 1 });
  onTestFinished(() => store.close());
  return store;
}

async function values(store: EmbeddedStore, influxql: string): Promise<readonly (readonly QueryValue[])[]> {
  const { results } = await store.query(influxql, { database: 'db', epoch: 'ms' });
  expect(results[0]?.error).toBeUndefined();
  return results[0]?.series?.flatMap((series) => series.values) ?? [];
}

it('points that come after their slot was compacted are merged into it, field by field, before and after the next compaction', async () => {
  const directory = tempDir();
  const store = await open(directory);
  const model = new Map<number, Record<string, number>>();
  const write = async (points: readonly (readonly [at: number, fields: Record<string, number>])[]): Promise<void> => {
    expect(await store.write(points.map(([at, fields]) => group(at, fields)))).toEqual({ rejected: [] });
    for (const [at, fields] of points) model.set(at, { ...model.get(at), ...fields });
  };
  const check = async (reader: EmbeddedStore): Promise<void> => {
    const ordered = [...model].sort(([a], [b]) => a - b);
    expect(await values(reader, 'SELECT a, b, c FROM m')).toEqual(
      ordered.map(([at, { a = null, b = null, c = null }]) => [START + at * STEP, a, b, c]),
    );
    for (const field of ['a', 'b', 'c']) {
      const numbers = ordered.flatMap(([, fields]) => fields[field] ?? []);
      const [row] = await values(reader, `SELECT count(${field}), sum(${field}), min(${field}), max(${field}), last(${field}) FROM m`);
      const last = numbers.at(-1);
      expect(row?.slice(1)).toEqual([numbers.length, numbers.reduce((x, y) => x + y, 0), Math.min(...numbers), Math.max(...numbers), last]);
    }
  };

  // A gap in the middle, as an agent leaves whose broker was away.
  const isMissing = (at: number): boolean => at >= 500 && at < 1100;
  await write(Array.from({ length: COUNT }, (_, at) => at).flatMap((at) => (isMissing(at) ? [] : [[at, { a: at, b: 1e6 - at }] as const])));
  await store.compactNow();
  expect(store.stats().hotRows).toBe(0);

  // The backlog; one field of points that are there; a field that is new; and a point between two others, twice.
  await write(Array.from({ length: 600 }, (_, i) => [500 + i, { a: 500 + i, b: 1e6 - (500 + i) }] as const));
  await write([0, 7, 499, 1100, 1799].map((at) => [at, { a: 5000 + at }] as const));
  await write([
    [3, { c: 1 }],
    [900, { c: 2, b: 9000 }],
    [0.5, { a: 1 }],
    [0.5, { a: 2, c: 3 }],
  ]);
  await check(store);
  await store.compactNow();
  expect(store.stats().hotRows).toBe(0);
  await check(store);

  // Again, over what was merged already.
  await write([
    [0, { a: -1 }],
    [900, { a: -2 }],
    [0.5, { b: -3 }],
  ]);
  await check(store);
  await store.compactNow();
  await store.close();
  const reopened = await open(directory);
  await check(reopened);
});
