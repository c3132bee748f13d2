import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daemon, startInfluxd, systemSuite } from '@hostwire/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEmbeddedStore } from '../embedded/embedded-store.ts';
import { MemoryStore } from '../memory-store.testkit.ts';
import { type QueryResponse, type SeriesStore, StoreError } from '../series-store.ts';
import { CORPUS } from './corpus.testkit.ts';
import { aligned, askInflux, comparable, DATABASE, hasTornSeries, sampleGroups, writeToInflux } from './differential.testkit.ts';
import type { Epoch } from './index.ts';
import { bucketQuery, rowQuery, wholeQuery } from './query.testkit.ts';

systemSuite(['influxd'], 'InfluxQL against a real InfluxDB 1.x', () => {
  let influxd: Daemon;
  const directory = mkdtempSync(join(tmpdir(), 'hostwire-differential-'));
  const stores: SeriesStore[] = [];

  beforeAll(async () => {
    influxd = await startInfluxd();
    const groups = sampleGroups();
    await writeToInflux(influxd.url, groups);
    const memory = new MemoryStore();
    const hot = await openEmbeddedStore({ directory: join(directory, 'hot') });
    const cold = await openEmbeddedStore({ directory: join(directory, 'cold') });
    stores.push(memory, hot, cold);
    for (const store of stores) await store.write(groups);
    await cold.compactNow();
    expect(cold.stats().hotRows).toBe(0);
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await influxd.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function ask(store: SeriesStore, influxql: string, epoch?: Epoch): Promise<QueryResponse | { error: string }> {
    try {
      return await store.query(influxql, { database: DATABASE, ...(epoch === undefined ? {} : { epoch }) });
    } catch (error) {
      if (error instanceof StoreError) return { error: error.message };
      throw error;
    }
  }

  /** Asks the executor alone, the embedded store's rows as they arrive, and its compacted chunks with their summaries. */
  async function expectSame(influxql: string, epoch?: Epoch): Promise<void> {
    await expectAnswer(await askInflux(influxd.url, influxql, epoch), influxql, epoch);
  }

  async function expectAnswer(theirs: QueryResponse, influxql: string, epoch?: Epoch): Promise<void> {
    const wanted = comparable(theirs);
    for (const store of stores) expect(aligned(comparable(await ask(store, influxql, epoch)), wanted)).toEqual(wanted);
  }

  it.each(CORPUS)('%s', (influxql) => expectSame(influxql));

  it.each(['ns', 'u', 'ms', 's', 'm', 'h'] as const)('times in %s', (epoch) => expectSame('SELECT usage FROM mem LIMIT 9', epoch));

  it.each([
    ['buckets', bucketQuery],
    ['whole ranges', wholeQuery],
    ['rows', rowQuery],
  ] as const)('generated queries on %s', async (_, queries) => {
    await fc.assert(
      fc.asyncProperty(queries, async (influxql) => {
        const theirs = await askInflux(influxd.url, influxql);
        fc.pre(!hasTornSeries(theirs));
        await expectAnswer(theirs, influxql);
      }),
      { numRuns: 60 },
    );
  });
});
