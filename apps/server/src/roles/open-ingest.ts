import { join } from 'node:path';
import {
  adoptJournals,
  createIngest,
  DeadLetters,
  type Ingest,
  ingestLevels,
  type JournalFoldersOptions,
  openOwnJournal,
  serveReplays,
  watchIdentities,
} from '@hostwire/ingest';
import type { Counters, Topics } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import type { MessageBus } from '@hostwire/transport';
import type { JournalConfig } from '../config/load-config.ts';
import type { CatalogIndex } from '../live/catalog-index.ts';

/** In the data directory. */
export const DEAD_LETTERS = 'dead-letters';
/** Of a journal that nothing is appended to any more. */
const DRAINED_ONLY_BYTES = 10 * 1024 ** 3;

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
  readonly deadLetters: { readonly maxBytes: number };
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
export async function openIngest(options: IngestPartOptions): Promise<IngestPart> {
  const { dataDir, store, topics, catalogs, registry, database, counters, logger } = options;
  const folders = journalFolders(options);
  const own = options.journal === null ? null : await openOwnJournal(folders);
  let bus: Pick<MessageBus, 'publish'> | null = null;
  const deadLetterFolder = join(dataDir, DEAD_LETTERS);
  const ingest = createIngest({
    store,
    ...(own === null ? {} : { journal: own.journal }),
    bus: {
      publish: (topic, payload, how) => bus?.publish(topic, payload, how) ?? Promise.reject(new Error('the broker is not up yet')),
    },
    topics,
    catalog: catalogs.own,
    // What came a moment ago may not be in the registry yet.
    catalogFor: async (hash) => catalogs.get(hash) ?? registry.catalogs.get(hash),
    deadLetters: new DeadLetters({ folder: deadLetterFolder, maxBytes: options.deadLetters.maxBytes, counters, logger }),
    logger,
    counters,
    database,
  });
  // Also with the embedded store: what was acknowledged while there was an InfluxDB must not lie there for ever.
  const stopAdopting = adoptJournals(folders, { ingest, logger, counters });
  const stopReplaying = serveReplays({ folder: deadLetterFolder, ingest, counters, logger });
  return {
    ingest,
    async acknowledgeOn(other) {
      bus = other;
      await watchIdentities(other, ingest, topics);
    },
    degraded() {
      const { storeAvailable, journal } = ingest.stats();
      return [...(storeAvailable ? [] : ['store']), ...(journal?.accepting === false ? ['journal'] : [])];
    },
    levels: () => ingestLevels(ingest.stats()),
    async close() {
      await stopReplaying();
      await ingest.close();
      await stopAdopting();
      await own?.close();
    },
  };
}

function journalFolders({ dataDir, journal, counters, logger }: IngestPartOptions): JournalFoldersOptions {
  const { maxBytes = DRAINED_ONLY_BYTES, minFreeBytes } = journal ?? {};
  return {
    root: join(dataDir, 'journal'),
    journal: {
      maxBytes,
      ...(minFreeBytes === undefined ? {} : { minFreeBytes }),
      report({ code, message }) {
        counters.add(`ingest_journal_problems_total{code="${code}"}`);
        // A disk that fails does so at every call; that the journal takes nothing is said once elsewhere.
        if (code === 'io') logger.debug({ code }, message);
        else logger.warn({ code }, message);
      },
    },
  };
}
