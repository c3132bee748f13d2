import { openInfluxStore, type SeriesStore, StoreError } from '@hostwire/store';
import { keptAddress } from '../kept-address.ts';

export interface SiblingStoreOptions {
  readonly dataDir: string;
  /** Where the port is; absent: where the process that has the store kept it. */
  readonly url?: string;
  readonly serverToken: string;
  readonly database: string;
}

/**
 * The embedded store of another process of the same data directory, at its InfluxDB port. It may start later, and come
 * back at another port. Until it runs, what is asked of it rejects with StoreError `unavailable`.
 */
export function openSiblingStore({ dataDir, url, serverToken, database }: SiblingStoreOptions): SeriesStore {
  let at = '';
  let current: SeriesStore | null = null;
  const store = async (): Promise<SeriesStore> => {
    const address = url ?? keptAddress(dataDir, 'influx');
    if (address === null) {
      throw new StoreError(
        'unavailable',
        `no process with the role ingest runs on ${dataDir}, which would have the store; start one, or use --store influxdb`,
      );
    }
    if (current === null || address !== at) {
      const old = current;
      at = address;
      current = openInfluxStore({ url: address, token: serverToken, database });
      await old?.close();
    }
    return current;
  };
  return {
    write: async (groups) => (await store()).write(groups),
    query: async (influxql, options) => (await store()).query(influxql, options),
    async close() {
      await current?.close();
      current = null;
    },
  };
}
