import type { Ack, Counters, Topics } from '@hostwire/model';
import type { Logger, MessageBus } from '@hostwire/transport';
import { AckBatch } from './ack-batch.ts';

export interface AckSenderOptions {
  readonly bus: Pick<MessageBus, 'publish'>;
  readonly topics: Topics;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Tells agents what is durable. Nobody waits for it: an agent that misses an `ack` sends its samples again. */
export class AckSender {
  readonly #options: AckSenderOptions;
  readonly #batch = new AckBatch();
  #isScheduled = false;

  constructor(options: AckSenderOptions) {
    this.#options = options;
  }

  /** Sent with the next `send`. */
  stored(host: string, run: string, seq: number): void {
    this.#batch.add(host, run, seq, 'stored');
  }

  /** For what no commit follows: sent after what is being handled now. */
  soon(host: string, run: string, seq: number, kind: 'stored' | 'clock'): void {
    this.#batch.add(host, run, seq, kind);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.send());
  }

  send(): void {
    this.#isScheduled = false;
    if (this.#batch.empty) return;
    for (const { host, ack } of this.#batch.take(this.#options.now())) this.#publish(host, ack);
  }

  /** Another run of this identity is alive: this one is to idle. */
  conflict(host: string, run: string): void {
    this.#options.counters.add('ingest_conflicts_total');
    this.#publish(host, { run, time: this.#options.now(), conflict: true });
  }

  #publish(host: string, ack: Ack): void {
    const { bus, topics, counters, logger } = this.#options;
    bus.publish(topics.ack(host), JSON.stringify(ack), { qos: 1 }).catch((error: unknown) => {
      counters.add('ingest_acks_failed_total');
      logger.debug({ host, err: error }, 'cannot send an acknowledgement');
    });
  }
}
