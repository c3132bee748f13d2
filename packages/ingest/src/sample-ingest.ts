import { type Journal, JournalError } from '@hostwire/journal';
import { Counters, type PointGroup, type Sample } from '@hostwire/model';
import { AckSender } from './ack-sender.ts';
import { Availability } from './availability.ts';
import { Burials } from './burials.ts';
import { ClockWatch } from './clock-watch.ts';
import { CommitQueue } from './commit-queue.ts';
import { type Decoded, decodeSample, type InvalidSample } from './decode.ts';
import { Drain, type DrainStats } from './drain.ts';
import { FieldTypeSource } from './field-types.ts';
import { createIdentityWatch, infoRun } from './identity-watch.ts';
import { type Ingest, IngestError, type IngestOptions, type IngestStats, type SampleListener, type SampleMessage } from './ingest.ts';
import { journalCommitter } from './journal-committer.ts';
import { Listeners } from './listeners.ts';
import { PointMaker } from './point-maker.ts';
import { SampleCheck } from './sample-check.ts';

const MAX_QUEUE_BYTES = 32 * 1024 * 1024;
const STORE_COMMIT_BYTES = 8 * 1024 * 1024;
/** A journal that is nearly full takes all of a commit or nothing. */
const JOURNAL_COMMIT_BYTES = 1024 * 1024;

/** What became of a sample on its way to where it is durable. */
type Outcome = 'stored' | { readonly refused: string };

export class SampleIngest implements Ingest {
  readonly #options: IngestOptions;
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #check: SampleCheck;
  readonly #points: PointMaker;
  readonly #acks: AckSender;
  readonly #clocks: ClockWatch;
  readonly #listeners: Listeners;
  readonly #burials: Burials;
  readonly #identities: ReturnType<typeof createIdentityWatch>;
  readonly #toStore: CommitQueue<PointGroup>;
  readonly #toJournal: CommitQueue<SampleMessage> | null;
  /** Of what makes samples durable. */
  readonly #durable: Availability;
  /** The first is that of ingest's own journal. */
  readonly #drains = new Set<Drain>();
  #closed = false;

  constructor(options: IngestOptions) {
    const { journal, logger } = options;
    this.#options = options;
    this.#counters = options.counters ?? new Counters();
    this.#now = options.now ?? Date.now;
    this.#check = new SampleCheck(options.catalog);
    this.#points = new PointMaker(new FieldTypeSource(options.catalog, options.catalogFor, this.#now), options.database ?? 'hostwire');
    this.#acks = new AckSender({ bus: options.bus, topics: options.topics, counters: this.#counters, logger, now: this.#now });
    this.#clocks = new ClockWatch(this.#now);
    this.#listeners = new Listeners(logger);
    this.#burials = new Burials(options.deadLetters, this.#counters, this.#now);
    this.#identities = createIdentityWatch({ now: this.#now });
    const what = journal === undefined ? 'the store' : 'the journal';
    this.#durable = new Availability(logger, {
      gone: `${what} does not take samples; they are not acknowledged, and agents keep them until it does`,
      back: `${what} takes samples again`,
    });
    const queue = options.maxQueueBytes ?? MAX_QUEUE_BYTES;
    this.#toStore = new CommitQueue(
      (groups) => options.store.write(groups),
      { queue, commit: STORE_COMMIT_BYTES },
      () => this.#acks.send(),
    );
    this.#toJournal = journal === undefined ? null : this.#openJournalQueue(journal, queue);
  }

  accept(message: SampleMessage): Promise<void> {
    if (this.#closed) return Promise.reject(new IngestError('the server is shutting down'));
    const { sample, invalid } = this.#decode(message);
    if (sample === null) return this.#bury(message, invalid);
    if (sample.backfill !== true) this.#sawSample(sample, message.receivedAt);
    if (this.#clocks.isWrong(sample)) {
      this.#counters.add('ingest_clock_total');
      this.#acks.soon(sample.host, sample.run, sample.seq, 'clock');
      return Promise.resolve();
    }
    // Before it is durable and whatever makes it wait: a dashboard and alerts do not stand still with a store.
    this.#listeners.tell(sample, message.receivedAt);
    return this.room() === null ? this.#commit(sample, message) : this.#acceptLater(message);
  }

  async replay(message: SampleMessage): Promise<Pick<InvalidSample, 'message'> | null> {
    if (this.#closed) throw new IngestError('the server is shutting down');
    const { sample, invalid } = this.#decode(message);
    if (sample === null) return invalid;
    const outcome = await this.#makeDurable(sample, message, null);
    return outcome === 'stored' ? null : { message: outcome.refused };
  }

  heardInfo({ topic, payload, receivedAt }: SampleMessage): void {
    const target = this.#options.topics.parse(topic);
    const run = target?.kind === 'info' ? infoRun(payload) : null;
    if (target === null || run === null) return;
    const conflict = this.#identities.sawConnect(target.host, run, receivedAt);
    if (conflict !== null) this.#acks.conflict(target.host, conflict.newer);
  }

  room(): Promise<void> | null {
    return (this.#toJournal ?? this.#toStore).room();
  }

  onSample(listener: SampleListener): () => void {
    return this.#listeners.add(listener);
  }

  async adopt(journal: Journal): Promise<void> {
    if (this.#closed) throw new IngestError('the server is shutting down');
    const drain = this.#drain(journal);
    await drain.empty();
    this.#drains.delete(drain);
    await drain.close();
    if (this.#closed) throw new IngestError('the server is shutting down');
  }

  stats(): IngestStats {
    const { journal } = this.#options;
    const drains = [...this.#drains];
    return {
      queuedBytes: (this.#toJournal ?? this.#toStore).bytes,
      storeAvailable: (journal !== undefined || this.#durable.is) && drains.every((drain) => drain.available),
      journal: journal === undefined ? null : { ...journal.stats(), accepting: this.#durable.is },
      drain: drains.length === 0 ? null : together(drains.map((drain) => drain.stats())),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#toJournal?.idle();
    await this.#toStore.idle();
    await Promise.all([...this.#drains].map((drain) => drain.close()));
    await this.#options.deadLetters.close();
  }

  #openJournalQueue(journal: Journal, queue: number): CommitQueue<SampleMessage> {
    const drain = this.#drain(journal);
    return new CommitQueue(journalCommitter(journal), { queue, commit: JOURNAL_COMMIT_BYTES }, () => {
      this.#acks.send();
      drain.notify();
    });
  }

  #drain(journal: Journal): Drain {
    const { store, logger, backoff } = this.#options;
    const drain = new Drain({
      journal,
      store,
      decode: (message) => this.#decode(message),
      points: this.#points,
      burials: this.#burials,
      counters: this.#counters,
      logger,
      now: this.#now,
      ...(backoff === undefined ? {} : { backoff }),
    });
    this.#drains.add(drain);
    drain.start();
    return drain;
  }

  /** Never throws: whatever breaks the decoder is no sample. */
  #decode({ topic, payload }: SampleMessage): Decoded {
    try {
      return decodeSample(this.#options.topics, this.#check, topic, payload);
    } catch (error) {
      return { sample: null, invalid: { reason: 'decoder', message: String(error).slice(0, 500), named: null } };
    }
  }

  /** What waits is kept as it came; what is made of it is several times as large. */
  async #acceptLater(message: SampleMessage): Promise<void> {
    for (let room = this.room(); room !== null; room = this.room()) await room;
    if (this.#closed) throw new IngestError('the server is shutting down');
    const { sample, invalid } = this.#decode(message);
    return sample === null ? this.#bury(message, invalid) : this.#commit(sample, message);
  }

  async #commit(sample: Sample, message: SampleMessage): Promise<void> {
    const { host, run, seq } = sample;
    const outcome = await this.#makeDurable(sample, message, () => this.#acks.stored(host, run, seq));
    if (outcome !== 'stored') await this.#bury(message, { reason: 'store', message: outcome.refused, named: { host, run, seq } });
  }

  /** `durable` is called at once when it is. */
  async #makeDurable(sample: Sample, message: SampleMessage, durable: (() => void) | null): Promise<Outcome> {
    if (this.#toJournal !== null) return this.#push(this.#toJournal, message, 0, sample, message, durable);
    const made = this.#points.groupOf(sample);
    const group = made instanceof Promise ? await made : made;
    return this.#push(this.#toStore, group, group.points.length, sample, message, durable);
  }

  #push<Item>(
    queue: CommitQueue<Item>,
    item: Item,
    points: number,
    { host }: Sample,
    message: SampleMessage,
    durable: (() => void) | null,
  ): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      queue.push({
        item,
        points,
        bytes: message.payload.length,
        stored: (rejected) => {
          this.#durable.succeeded();
          this.#counters.add('ingest_samples_total');
          if (points > 0) this.#counters.add('ingest_points_total', points);
          durable?.();
          if (rejected.length === 0) resolve('stored');
          else this.#burials.fields(message, host, rejected).then(() => resolve('stored'), reject);
        },
        refused: (error) => resolve({ refused: error.message }),
        failed: (error) => {
          this.#durable.failed(error);
          this.#counters.add(
            error instanceof JournalError ? `ingest_journal_refused_total{reason="${error.code}"}` : 'ingest_failed_total',
          );
          reject(error);
        },
      });
    });
  }

  async #bury(message: SampleMessage, { reason, message: why, named }: Omit<InvalidSample, 'reason'> & { readonly reason: string }) {
    await this.#burials.message(message, reason, why);
    if (named !== null) this.#acks.soon(named.host, named.run, named.seq, 'stored');
  }

  #sawSample(sample: Sample, receivedAt: number): void {
    const conflict = this.#identities.sawSample(sample, receivedAt);
    if (conflict !== null) this.#acks.conflict(sample.host, conflict.newer);
  }
}

function together(all: readonly DrainStats[]): DrainStats {
  const sum = (value: (stats: DrainStats) => number): number => all.reduce((total, stats) => total + value(stats), 0);
  const has = (state: DrainStats['state']): boolean => all.some((stats) => stats.state === state);
  return {
    state: has('waiting') ? 'waiting' : has('writing') ? 'writing' : 'idle',
    lastError: all.find(({ lastError }) => lastError !== null)?.lastError ?? null,
    lagBytes: sum(({ lagBytes }) => lagBytes),
    lagSamples: sum(({ lagSamples }) => lagSamples),
    lagMs: Math.max(...all.map(({ lagMs }) => lagMs)),
  };
}
