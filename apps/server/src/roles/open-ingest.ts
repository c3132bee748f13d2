import { join } from 'node:path';
import { createIngest, DeadLetters, type Ingest } from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import type { MessageBus } from '@hostwire/transport';
import type { JournalConfig } from '../config/load-config.ts';
import type { CatalogIndex } from '../live/catalog-index.ts';

/** How samples come in, until they are durable; and, in front of InfluxDB, from the journal into it. */
export interface IngestPart {
  readonly ingest: Ingest;
  /**
   * Acknowledgements go here from now on; those of before are lost, and their samples come again. What hosts say of their
   * runs is heard here too. Must be a client of its own where samples come by a shared subscription.
   */
  acknowledgeOn(bus: Pick<MessageBus, 'publish' | 'subscribe'>): Promise<void>;
  /** For /health: `store` while it takes nothing, `journal` while that takes nothing. */
  degraded(): string[];
  /** Levels for /metrics and measurement `hostwire`; their names begin with `ingest_`. */
  levels(): ReadonlyMap<string, number>;
  /** Takes nothing more and waits for what is being made durable. What lies in the journal is written at the next start. */
  close(): Promise<void>;
}

export interface IngestPartOptions {
  readonly dataDir: string;
  readonly store: Pick<SeriesStore, 'write'>;
  /** Null where the store's commit is the durable point: the embedded one. */
  readonly journal: JournalConfig | null;
  readonly topics: Topics;
  readonly catalogs: CatalogIndex;
  readonly registry: Pick<Registry, 'catalogs'>;
  readonly database: string;
  readonly counters: Counters;
  readonly logger: Logger;
}

/**
 * Ingest before its broker: the broker needs somebody to hand samples to before it listens. Rejects with JournalError if
 * no journal can be opened.
 */
export async function openIngest({
  dataDir,
  store,
  topics,
  catalogs,
  registry,
  database,
  counters,
  logger,
}: IngestPartOptions): Promise<IngestPart> {
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
    async acknowledgeOn(other) {
      bus = other;
    },
    degraded: () => (ingest.stats().storeAvailable ? [] : ['store']),
    levels: () => new Map([['ingest_queued_bytes', ingest.stats().queuedBytes]]),
    close: () => ingest.close(),
  };
}
