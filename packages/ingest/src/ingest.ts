import type { Journal, JournalStats } from '@hostwire/journal';
import type { Catalog, Counters, Sample, Topics } from '@hostwire/model';
import type { SeriesStore } from '@hostwire/store';
import type { BusMessage, Logger, MessageBus } from '@hostwire/transport';
import type { BackoffOptions } from './backoff.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { InvalidSample } from './decode.ts';
import type { DrainStats } from './drain.ts';
import type { CatalogLookup } from './field-types.ts';
import { SampleIngest } from './sample-ingest.ts';

export interface IngestOptions {
  readonly store: Pick<SeriesStore, 'write'>;
  /**
   * In front of a store that answers late or not at all: what is in it is acknowledged, and written into the store from
   * there. Absent: the store's own commit is the durable point. Open, with nobody else using it; not closed by ingest.
   */
  readonly journal?: Journal;
  /** Where acknowledgements go. */
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly topics: Topics;
  /** The server's own catalog. */
  readonly catalog: Catalog;
  /** Catalogs of agents by their hash. */
  readonly catalogFor: CatalogLookup;
  readonly deadLetters: DeadLetters;
  readonly logger: Logger;
  readonly counters?: Counters;
  readonly now?: () => number;
  /** Default `hostwire`. */
  readonly database?: string;
  /** Payload bytes that may wait for the commit; default 32 MiB. */
  readonly maxQueueBytes?: number;
  /** Between attempts to write from a journal; default 0.5 to 60 s. */
  readonly backoff?: BackoffOptions;
}

export type SampleMessage = Pick<BusMessage, 'topic' | 'payload' | 'receivedAt'>;
export type SampleListener = (sample: Sample, receivedAt: number) => void;

export interface Ingest {
  /**
   * Resolves when the sample is durable, or was answered with `clock`, or is a dead letter. Rejects if it cannot be made
   * durable now; then it is not acknowledged, and the agent sends it again. Waits while the queue is full.
   */
  accept(message: SampleMessage): Promise<void>;
  /**
   * Stores a message that was a dead letter: no acknowledgement, no listener, whatever its time. Resolves with null when
   * it is durable, or with why it still is no sample. Rejects as `accept` does.
   */
  replay(message: SampleMessage): Promise<Pick<InvalidSample, 'message'> | null>;
  /** An `info` of a host that is no retained message: another run of an identity shows by it. */
  heardInfo(message: SampleMessage): void;
  /** Null if the queue has room; otherwise resolves when it has. */
  room(): Promise<void> | null;
  /** Called for each live sample once, as soon as it is valid and before it is durable. The result removes the listener. */
  onSample(listener: SampleListener): () => void;
  /** Writes what a journal of another process holds into the store. Resolves when it is empty; rejects with IngestError if ingest is closed before. */
  adopt(journal: Journal): Promise<void>;
  stats(): IngestStats;
  /** Takes nothing more and waits for what is being made durable. What lies in a journal stays there. */
  close(): Promise<void>;
}

export interface IngestStats {
  readonly queuedBytes: number;
  /** False from a failed write to the next that succeeds. */
  readonly storeAvailable: boolean;
  /** Null without a journal. `accepting` is false from an append that failed (it is full, the disk fails) to the next that succeeds. */
  readonly journal: (JournalStats & { readonly accepting: boolean }) | null;
  /** Of all journals that are written into the store; null if there is none. */
  readonly drain: DrainStats | null;
}

/** `closed`: ingest takes nothing any more. */
export class IngestError extends Error {
  override readonly name = 'IngestError';
  readonly code = 'closed';
}

export function createIngest(options: IngestOptions): Ingest {
  return new SampleIngest(options);
}
