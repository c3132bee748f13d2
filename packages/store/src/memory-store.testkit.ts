import type { PointGroup } from '@hostwire/model';
import { execute } from './influxql/index.ts';
import { MemoryReader } from './influxql/memory-reader.testkit.ts';
import type { QueryOptions, QueryResponse, SeriesStore, WriteResult } from './series-store.ts';

/** A SeriesStore for tests of what stands in front of one. Takes every point as it is. */
export class MemoryStore implements SeriesStore {
  readonly reader = new MemoryReader();

  async write(groups: readonly PointGroup[]): Promise<WriteResult> {
    this.reader.write(groups);
    return { rejected: [] };
  }

  async query(influxql: string, { database, epoch }: QueryOptions): Promise<QueryResponse> {
    return execute(this.reader, influxql, { database, ...(epoch === undefined ? {} : { epoch }) });
  }

  async close(): Promise<void> {}
}
