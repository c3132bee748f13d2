import { join } from 'node:path';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { type EmbeddedStore, openEmbeddedStore, openInfluxStore, type SeriesStore } from '@hostwire/store';
import type { ServerConfig } from '../config/load-config.ts';
import { openSiblingStore } from './sibling-store.ts';

export interface StorePart {
  readonly store: SeriesStore;
  /** The same store if it is this process's own. */
  readonly embedded: EmbeddedStore | null;
}

export interface StorePartOptions {
  readonly serverToken: string;
  readonly database: string;
  readonly counters: Counters;
  readonly logger: Logger;
}

/**
 * The store of the configuration: the embedded one belongs to the process with the role ingest. Throws StoreError,
 * `locked` if another process has the data directory.
 */
export async function openStore(config: ServerConfig, { serverToken, database, counters, logger }: StorePartOptions): Promise<StorePart> {
  const { store, dataDir, roles } = config;
  if (store.kind === 'influxdb') {
    const { kind: _, ...connection } = store;
    return { store: openInfluxStore({ ...connection, database }), embedded: null };
  }
  if (!roles.includes('ingest')) {
    return {
      store: openSiblingStore({ dataDir, serverToken, database, ...(store.url === undefined ? {} : { url: store.url }) }),
      embedded: null,
    };
  }
  const report = (problem: string): void => {
    counters.add('problems');
    logger.warn(problem);
  };
  const embedded = await openEmbeddedStore({ directory: join(dataDir, 'series'), report });
  // A question before the first sample is answered with nothing instead of an error.
  await embedded.createDatabase(database);
  return { store: embedded, embedded };
}
