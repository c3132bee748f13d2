import { type Ack, encodeSample, MAX_CLOCK_SKEW_MS, MAX_PAYLOAD_BYTES, type Sample, type Tier, type Topics } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { gzipPayload, type MqttClient } from '@hostwire/transport';
import { isInRanges, type Outbox, type SeqRanges, type StoredSample } from './outbox.ts';
import type { TickClock } from './tick-clock.ts';

export interface PublisherOptions {
  readonly client: Pick<MqttClient, 'connected' | 'publish'>;
  readonly outbox: Outbox;
  readonly clock: TickClock;
  readonly topics: Topics;
  readonly host: string;
  readonly run: string;
  readonly compress: boolean;
  readonly logger: Logger;
  /** Called when another run of the same identity is alive. */
  readonly onConflict: () => void;
  /** Gets every payload, as JSON text, before it is sent. */
  readonly onPayload?: (kind: Tier, text: string) => void;
  /** Without an ack for this long a sample is sent again, and only live ones until the next ack; ms, default 10,000. */
  readonly ackTimeoutMs?: number;
  /** Between two batches of the backlog; ms, default 250. */
  readonly batchMs?: number;
}

/** Samples that may be sent and not yet acknowledged before the backlog waits. */
const WINDOW = 64;
/** Backlog samples a batch: with 4 batches a second, 20 samples a second. */
const BATCH = 5;
/** A sample older than this many intervals is backfill. */
const LIVE_INTERVALS = 2;
const MAX_RESTAMPS = 3;

interface Sent {
  readonly at: number;
  readonly restamps: number;
}

/**
 * Delivers what the outbox holds: each sample at once when it is new, then again until the server's `ack` names it. After
 * a connection or a silence the newest of each tier goes first and the backlog follows, oldest first, at a bounded rate.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #ackTimeoutMs: number;
  readonly #sent = new Map<string, Sent>();
  readonly #newest = new Map<Tier, StoredSample>();
  /** Since when an ack has been waited for; null while nothing is. */
  #waitingSince: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #reportedDrops = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 10_000;
  }

  /** Keeps a new sample and sends it if there is a connection. */
  add(sample: Sample, monotonic: number): void {
    const { outbox, client, logger } = this.#options;
    const stored = outbox.append(sample, monotonic);
    this.#newest.set(stored.tier, stored);
    if (outbox.dropped > this.#reportedDrops * 2) {
      logger.warn({ dropped: outbox.dropped }, `nothing was acknowledged for long: ${outbox.dropped} oldest samples were given up`);
      this.#reportedDrops = outbox.dropped;
    }
    if (this.#sent.size > outbox.size) this.#forgetLost();
    if (!client.connected) return;
    this.#send(stored);
    this.#arm();
  }

  /** To be called at each connection: nothing sent before counts as under way. */
  connected(): void {
    this.#sent.clear();
    this.#waitingSince = null;
    for (const stored of [...this.#newest.values()].sort((a, b) => b.monotonic - a.monotonic)) {
      if (this.#options.outbox.has(stored)) this.#send(stored);
    }
    this.#arm();
  }

  /** Takes the server's acknowledgement. */
  acknowledge(ack: Ack): void {
    const { outbox, run, onConflict } = this.#options;
    if (ack.conflict === true) {
      if (ack.run === run) onConflict();
      return;
    }
    const { seqs = [], clock = [] } = ack;
    const forgotten = seqs.length === 0 ? 0 : outbox.forget(ack.run, seqs);
    if (forgotten > 0) {
      for (const key of this.#sent.keys()) {
        const [sentRun, seq] = key.split('/');
        if (sentRun === ack.run && isInRanges(Number(seq), seqs)) this.#sent.delete(key);
      }
    }
    if (clock.length > 0) this.#restamp(ack.run, clock, ack.time);
    this.#waitingSince = this.#sent.size === 0 ? null : this.#options.clock.monotonic();
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * The server takes these samples for too far off its clock: they, and all others of this run that were stamped by the same
   * wrong clock, are told anew by the server's.
   */
  #restamp(run: string, ranges: SeqRanges, serverTime: number): void {
    const { clock, outbox, logger } = this.#options;
    // Monotonic times of other runs mean nothing here.
    if (run !== this.#options.run) return;
    const before = clock.now();
    clock.correct(serverTime);
    const off = Math.round((before - clock.now()) / 1000);
    if (off !== 0) logger.warn({ off_seconds: off }, `this machine's clock is off by ${off} s: samples are stamped by the server's clock`);
    for (const stored of [...outbox.pending()]) {
      if (stored.run !== run) continue;
      const time = clock.timeOf(stored.monotonic);
      const named = isInRanges(stored.seq, ranges);
      if (!named && Math.abs(stored.time - time) <= MAX_CLOCK_SKEW_MS) continue;
      const changed = outbox.restamp(stored, time);
      if (changed === null) continue;
      if (this.#newest.get(changed.tier)?.seq === changed.seq) this.#newest.set(changed.tier, changed);
      if (!named) continue;
      const restamps = (this.#sent.get(keyOf(changed))?.restamps ?? 0) + 1;
      // A server that keeps refusing is asked again at the pace of resending only.
      const at = restamps > MAX_RESTAMPS ? clock.monotonic() : Number.NEGATIVE_INFINITY;
      this.#sent.set(keyOf(changed), { at, restamps });
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || !this.#options.client.connected || this.#options.outbox.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sendBacklog();
      this.#arm();
    }, this.#options.batchMs ?? 250);
  }

  #sendBacklog(): void {
    const { outbox, client, clock } = this.#options;
    if (!client.connected) return;
    const now = clock.monotonic();
    if (this.#waitingSince !== null && now - this.#waitingSince > this.#ackTimeoutMs) return;
    let underWay = 0;
    for (const { at } of this.#sent.values()) if (now - at < this.#ackTimeoutMs) underWay++;
    let room = Math.min(BATCH, WINDOW - underWay);
    for (const stored of outbox.pending()) {
      if (room <= 0) break;
      const sent = this.#sent.get(keyOf(stored));
      if (sent !== undefined && now - sent.at < this.#ackTimeoutMs) continue;
      this.#send(stored);
      room--;
    }
  }

  #send(stored: StoredSample): void {
    const { client, clock, topics, host, logger, onPayload } = this.#options;
    const key = keyOf(stored);
    const now = clock.monotonic();
    this.#sent.set(key, { at: now, restamps: this.#sent.get(key)?.restamps ?? 0 });
    this.#waitingSince ??= now;
    const late = now - stored.monotonic > stored.interval * 1000 * LIVE_INTERVALS;
    const text = toText(stored, late);
    onPayload?.(stored.tier, text);
    // What is retained is the newest: an older one sent again must not take its place.
    const retain = !late && this.#newest.get(stored.tier)?.seq === stored.seq;
    client.publish(topics.sample(host, stored.tier), this.#encode(text), { qos: 1, retain }).catch((error: unknown) => {
      this.#sent.delete(key);
      logger.debug({ err: error, seq: stored.seq }, 'a sample was not taken by the broker and will be sent again');
    });
  }

  /** What the outbox gave up is not waited for either. */
  #forgetLost(): void {
    const kept = new Set([...this.#options.outbox.pending()].map(keyOf));
    for (const key of this.#sent.keys()) if (!kept.has(key)) this.#sent.delete(key);
  }

  #encode(text: string): string | Uint8Array {
    if (!this.#options.compress) return text;
    const packed = gzipPayload(text);
    return packed.length <= MAX_PAYLOAD_BYTES ? packed : text;
  }
}

function toText(stored: StoredSample, late: boolean): string {
  const sample = JSON.parse(stored.text) as Sample;
  return encodeSample({ ...sample, time: stored.time, ...(late ? { backfill: true } : {}) });
}

function keyOf({ run, seq }: { readonly run: string; readonly seq: number }): string {
  return `${run}/${seq}`;
}
