import { type Ack, newRunId, type Topics } from '@hostwire/model';
import { simulatedHost } from '../simulated-host.ts';
import type { Latencies } from './latency.ts';
import type { Ledger } from './ledger.ts';
import { MqttConnection } from './mqtt-connection.ts';

/** What all hosts of a run count together. */
export interface LoadCounts {
  /** Samples made and published at least once. */
  samples: number;
  /** Publishes, with those sent again. */
  published: number;
  pubacked: number;
  acked: number;
  resent: number;
  /** Answered with `clock` instead of stored. */
  clockRefused: number;
  conflicts: number;
  /** Connections lost and attempts to connect that failed. */
  reconnects: number;
}

export interface LoadHostOptions {
  readonly address: string;
  readonly port: number;
  readonly id: string;
  readonly token: string;
  /** What makes a sample done: the broker's PUBACK, or the server's `ack` that names it. */
  readonly mode: 'puback' | 'ack';
  readonly inFlight: number;
  readonly resendMs: number;
  readonly reconnectMs: number;
  readonly topics: Topics;
  readonly seed: number;
  readonly counts: LoadCounts;
  readonly latencies: Latencies;
  readonly ledger: Ledger | null;
  /** Asked for each sample; false: not now. */
  readonly mayMake: () => boolean;
}

interface Pending {
  readonly payload: Buffer;
  /** `performance.now()` of the first and of the latest publish. */
  readonly first: number;
  latest: number;
}

/** One simulated host: keeps every sample until it is done, and sends it again after a reconnect or after `resendMs`. */
export class LoadHost {
  readonly run = newRunId();
  readonly #options: LoadHostOptions;
  readonly #source: ReturnType<typeof simulatedHost>;
  readonly #pending = new Map<number, Pending>();
  /** Packet id -> seq, of this connection. */
  #packets = new Map<number, number>();
  #connection: MqttConnection | null = null;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;
  #everConnected = false;
  #time = 0;

  constructor(options: LoadHostOptions) {
    this.#options = options;
    this.#source = simulatedHost(options.id, { run: this.run, seed: options.seed });
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Connects, and from then on connects again by itself. Throws only if the first attempt fails. */
  async connect(): Promise<void> {
    const { address, port, id, token, topics, counts } = this.#options;
    try {
      const connection = await MqttConnection.open(
        { address, port, clientId: id, username: id, password: token },
        {
          puback: (messageId) => this.#onPuback(messageId),
          message: (topic, payload) => topic === topics.ack(id) && this.#onAck(payload),
          settled: () => this.fill(),
          closed: () => this.#reconnect(),
        },
      );
      if (this.#stopped) {
        connection.end();
        return;
      }
      this.#everConnected = true;
      this.#connection = connection;
      connection.together(() => {
        if (this.#options.mode === 'ack') connection.subscribe(topics.ack(id));
        for (const [seq, pending] of this.#pending) this.#resend(seq, pending);
      });
    } catch (error) {
      if (!this.#everConnected) throw error;
      counts.reconnects += 1;
      this.#retryLater();
    }
  }

  /** Makes and publishes samples, at most `most`, as long as they may be made and fewer than `inFlight` are not done. */
  fill(most = Number.POSITIVE_INFINITY): void {
    const connection = this.#connection;
    if (connection === null || this.#stopped) return;
    connection.together(() => {
      for (let made = 0; made < most && this.#pending.size < this.#options.inFlight && this.#options.mayMake(); made++) this.#make();
    });
  }

  /** Sends again what has not been done for `resendMs`. */
  resendLate(now: number): void {
    for (const [seq, pending] of this.#pending) {
      if (now - pending.latest > this.#options.resendMs) this.#resend(seq, pending);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#connection?.end();
    this.#connection = null;
  }

  #make(): void {
    const { id, counts, topics } = this.#options;
    // One host never has two samples of one time, however fast it goes: (series, time) names a stored value.
    this.#time = Math.max(Date.now(), this.#time + 1);
    const sample = this.#source.next(this.#time);
    // Not encodeSample: there is no bigint in it, and a generator that is slower than the server measures itself.
    const payload = Buffer.from(JSON.stringify(sample));
    const now = performance.now();
    this.#pending.set(sample.seq, { payload, first: now, latest: now });
    counts.samples += 1;
    this.#publish(sample.seq, topics.sample(id, 'fast'), payload, true);
  }

  #resend(seq: number, pending: Pending): void {
    if (this.#connection === null) return;
    this.#options.counts.resent += 1;
    pending.latest = performance.now();
    this.#publish(seq, this.#options.topics.sample(this.#options.id, 'fast'), pending.payload, false);
  }

  #publish(seq: number, topic: string, payload: Buffer, retain: boolean): void {
    const messageId = this.#connection?.publish(topic, payload, retain);
    if (messageId === undefined) return;
    this.#packets.set(messageId, seq);
    this.#options.counts.published += 1;
  }

  #onPuback(messageId: number): void {
    const seq = this.#packets.get(messageId);
    if (seq === undefined) return;
    this.#packets.delete(messageId);
    this.#options.counts.pubacked += 1;
    if (this.#options.mode === 'puback') this.#done(seq);
  }

  #onAck(payload: Buffer): void {
    const ack = JSON.parse(payload.toString()) as Ack;
    if (ack.conflict) this.#options.counts.conflicts += 1;
    if (ack.run !== this.run) return;
    for (const [from, to] of ack.seqs ?? []) {
      for (let seq = from; seq <= to; seq++) {
        if (!this.#done(seq)) continue;
        this.#options.counts.acked += 1;
        this.#options.ledger?.add(this.#options.id, this.run, seq);
      }
    }
    for (const [from, to] of ack.clock ?? []) {
      for (let seq = from; seq <= to; seq++) if (this.#pending.delete(seq)) this.#options.counts.clockRefused += 1;
    }
  }

  #done(seq: number): boolean {
    const pending = this.#pending.get(seq);
    if (pending === undefined) return false;
    this.#pending.delete(seq);
    this.#options.latencies.add(performance.now() - pending.first);
    return true;
  }

  #reconnect(): void {
    this.#connection = null;
    this.#packets = new Map();
    this.#options.counts.reconnects += 1;
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#stopped) return;
    this.#retry = setTimeout(() => void this.connect(), Math.random() * this.#options.reconnectMs);
  }
}
