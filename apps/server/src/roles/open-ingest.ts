import { join } from 'node:path';
import { createIngest, DeadLetters, type Ingest } from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import type { MessageBus } from '@hostwire/transport';
import type { CatalogIndex } from '../live/catalog-index.ts';

export interface IngestPart {
  readonly ingest: Ingest;
  /** Acknowledgements go here from now on; those of before are lost, and their samples come again. */
  acknowledgeOn(bus: Pick<MessageBus, 'publish'>): void;
}

/** Ingest before its broker: the broker needs somebody to hand samples to before it listens. */
export function openIngest({
  dataDir,
  store,
  topics,
  catalogs,
  registry,
  database,
  counters,
  logger,
}: {
  readonly dataDir: string;
  readonly store: Pick<SeriesStore, 'write'>;
  readonly topics: Topics;
  readonly catalogs: CatalogIndex;
  readonly registry: Pick<Registry, 'catalogs'>;
  readonly database: string;
  readonly counters: Counters;
  readonly logger: Logger;
}): IngestPart {
  let bus: Pick<MessageBus, 'publish'> | null = null;
  const ingest = createIngest({
    store,
    bus: {
      publish: (topic, payload, options) => bus?.publish(topic, payload, options) ?? Promise.reject(new Error('the broker is not up yet')),
    },
    topics,
    catalog: catalogs.own,
    // What came a moment ago may not be in the registry yet.
    catalogFor: async (hash) => catalogs.get(hash) ?? registry.catalogs.get(hash),
    deadLetters: new DeadLetters({ folder: join(dataDir, 'dead-letters'), counters, logger }),
    logger,
    counters,
    database,
  });
  return {
    ingest,
    acknowledgeOn(other) {
      bus = other;
    },
  };
}
