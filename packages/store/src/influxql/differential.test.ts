import { systemSuite } from '@hostwire/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Influxd, startInfluxd } from '../influxdb/influxd.testkit.ts';
import { type QueryResponse, StoreError } from '../series-store.ts';
import { CORPUS } from './corpus.testkit.ts';
import { aligned, askInflux, comparable, DATABASE, hasTornSeries, sampleGroups, writeToInflux } from './differential.testkit.ts';
import { type Epoch, execute } from './index.ts';
import { MemoryReader } from './memory-reader.testkit.ts';
import { bucketQuery, rowQuery, wholeQuery } from './query.testkit.ts';

systemSuite(['influxd'], 'InfluxQL against a real InfluxDB 1.x', () => {
  let influxd: Influxd;
  const reader = new MemoryReader();

  beforeAll(async () => {
    influxd = await startInfluxd();
    const groups = sampleGroups();
    reader.write(groups);
    await writeToInflux(influxd.url, groups);
  });
  afterAll(() => influxd.stop());

  function ask(influxql: string, epoch?: Epoch): QueryResponse | { error: string } {
    try {
      return execute(reader, influxql, { database: DATABASE, ...(epoch === undefined ? {} : { epoch }) });
    } catch (error) {
      if (error instanceof StoreError) return { error: error.message };
      throw error;
    }
  }

  function expectSame(ours: QueryResponse | { error: string }, theirs: QueryResponse): void {
    const wanted = comparable(theirs);
    expect(aligned(comparable(ours), wanted)).toEqual(wanted);
  }

  it.each(CORPUS)('%s', async (influxql) => {
    expectSame(ask(influxql), await askInflux(influxd.url, influxql));
  });

  it.each(['ns', 'u', 'ms', 's', 'm', 'h'] as const)('times in %s', async (epoch) => {
    const influxql = 'SELECT usage FROM mem LIMIT 9';
    expectSame(ask(influxql, epoch), await askInflux(influxd.url, influxql, epoch));
  });

  it.each([
    ['buckets', bucketQuery],
    ['whole ranges', wholeQuery],
    ['rows', rowQuery],
  ] as const)('generated queries on %s', async (_, queries) => {
    await fc.assert(
      fc.asyncProperty(queries, async (influxql) => {
        const theirs = await askInflux(influxd.url, influxql);
        fc.pre(!hasTornSeries(theirs));
        expectSame(ask(influxql), theirs);
      }),
      { numRuns: 150 },
    );
  });
});
