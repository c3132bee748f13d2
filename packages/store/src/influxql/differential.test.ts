import { systemSuite } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Influxd, startInfluxd } from '../influxdb/influxd.testkit.ts';
import { type QueryResponse, StoreError } from '../series-store.ts';
import { CORPUS } from './corpus.testkit.ts';
import { askInflux, comparable, DATABASE, sampleGroups, writeToInflux } from './differential.testkit.ts';
import { type Epoch, execute } from './index.ts';
import { MemoryReader } from './memory-reader.testkit.ts';

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

  it.each(CORPUS)('%s', async (influxql) => {
    const theirs = await askInflux(influxd.url, influxql);
    const ours = ask(influxql);
    expect(comparable(ours)).toEqual(comparable(theirs));
  });
});
