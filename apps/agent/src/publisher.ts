import { type Ack, MAX_CLOCK_SKEW_MS, MAX_PAYLOAD_BYTES, type Sample, TIERS, type Tier, type Topics } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { gzipPayload, type MqttClient } from '@hostwire/transport';
import { Flight } from './flight.ts';
import type { Outbox, SeqRanges, StoredSample } from './outbox.ts';
import { Budget, LiveRate } from './send-rate.ts';
import type { TickClock } from './tick-clock.ts';

export interface PublisherTiming {
  /** Without an ack for this long a sample is sent again, and only live ones until the next ack; ms, default 10,000. */
  readonly ackTimeoutMs?: number;
  /** The backlog begins a random time up to this after a connection; ms, default the smaller of 10,000 and the fast interval. */
  readonly jitterMs?: number;
  /** Where no live sample shows that the server answers, one of the backlog is sent for it after this; ms, default the fast interval. */
  readonly probeMs?: number;
}

export interface PublisherOptions {
  readonly client: Pick<MqttClient, 'connected' | 'publish'>;
  readonly outbox: Outbox;
  readonly clock: TickClock;
  readonly topics: Topics;
  readonly host: string;
  readonly run: string;
  /** Seconds. */
  readonly intervals: Readonly<Record<Tier, number>>;
  /** The backlog goes at so many times the live rate; default 5. */
  readonly backlogRate?: number;
  readonly compress: boolean;
  readonly logger: Logger;
  /** Called when another run of the same identity is alive. */
  readonly onConflict: () => void;
  /** Gets every payload, as JSON text, before it is sent. */
  readonly onPayload?: (kind: Tier, text: string) => void;
  readonly timing?: PublisherTiming;
}

/** Samples that may be sent and not yet acknowledged. */
const WINDOW = 64;
/** Of these, so many are left for live samples. */
const LIVE_ROOM = 8;
/** Samples of the backlog that are read at once. */
const BATCH = 16;
/** A sample older than this many intervals is backfill. */
const LIVE_INTERVALS = 2;
/** So is one older than this: the server would take a live one of that time for a wrong clock, and this one may be off too. */
const MAX_LIVE_MS = MAX_CLOCK_SKEW_MS / 2;
const MAX_RESTAMPS = 3;
/** No sample was taken before this program was written: a machine without a clock begins in 1970. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
/** After the disk could not be read. */
const READ_RETRY_MS = 2_000;
const MIN_WAIT_MS = 5;

/**
 * Delivers what the outbox holds: each sample at once when it is new, then again until the server's `ack` names it. After
 * a connection or a silence the newest of each tier goes first and the backlog follows, oldest first, at a bounded rate.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #ackTimeoutMs: number;
  #jitterMs = 0;
  #probeMs = 0;
  #compress: boolean;
  readonly #flight = new Flight();
  readonly #newest = new Map<Tier, { readonly stored: StoredSample; readonly text: string }>();
  readonly #rate = new LiveRate();
  readonly #budget = new Budget();
  readonly #sentBefore = new WeakSet<StoredSample>();
  readonly #restamps = new WeakMap<StoredSample, number>();
  /** Where the backlog goes on; null: from the oldest. */
  #cursor: Iterator<StoredSample> | null = null;
  /** All that waits was looked at. */
  #exhausted = false;
  /** The disk cannot be read: until then only what is in memory is sent. */
  #unreadableUntil: number | null = null;
  /** Counts connections: what was read for one is not sent on the next. */
  #connection = 0;
  /** The server has acknowledged something on this connection. */
  #answered = false;
  #backlogFrom = 0;
  #probeAt = 0;
  /** Since when an ack has been waited for; null while nothing is. */
  #waitingSince: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pumping = false;
  /** New times that are not noted yet: until then a later run would send the old ones. */
  #restamping = 0;
  #resent = 0;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#ackTimeoutMs = options.timing?.ackTimeoutMs ?? 10_000;
    this.#compress = options.compress;
    options.outbox.isUnderWay = (stored) => this.#flight.has(stored);
    this.tune(options);
  }

  /** Goes on in another rhythm; what waits and what is under way stays so. */
  tune({ intervals, compress }: Pick<PublisherOptions, 'intervals' | 'compress'>): void {
    const { timing = {} } = this.#options;
    this.#jitterMs = timing.jitterMs ?? Math.min(10_000, intervals.fast * 1000);
    // Not before the first live sample, which also finds out whether the times of the backlog are right.
    this.#probeMs = timing.probeMs ?? intervals.fast * 1000;
    this.#rate.declare(TIERS.reduce((sum, tier) => sum + 1 / intervals[tier], 0));
    this.#compress = compress;
  }

  /** Samples that were sent again. */
  get resent(): number {
    return this.#resent;
  }

  /** Keeps a new sample, then sends it if there is a connection. Resolves when it is kept. */
  async add(sample: Sample, monotonic: number): Promise<void> {
    const { outbox, clock, client } = this.#options;
    this.#rate.add(clock.monotonic());
    const { stored, text, settled } = outbox.append(sample, monotonic);
    await settled;
    if (this.#closed || stored.gone) return;
    const newest = this.#newest.get(stored.tier);
    if (newest === undefined || newest.stored.seq < stored.seq) this.#newest.set(stored.tier, { stored, text });
    if (!client.connected) return;
    if (this.#flight.size < WINDOW && !this.#flight.has(stored)) this.#publish(stored, withTime(text, stored.time));
    else this.#exhausted = false;
    this.#arm();
  }

  /** To be called at each connection: nothing sent before counts as under way. */
  connected(): void {
    const now = this.#options.clock.monotonic();
    this.#connection++;
    this.#flight.clear();
    this.#answered = false;
    this.#waitingSince = null;
    this.#backlogFrom = now + Math.random() * this.#jitterMs;
    this.#probeAt = now + this.#probeMs;
    this.#startOver();
    for (const { stored, text } of this.#youngest()) {
      // By backfill the server does not see that a clock is wrong: where that is possible a live sample must have passed first.
      if (stored.sure || !this.#isLate(stored, now)) this.#publish(stored, withTime(text, stored.time));
    }
    this.#arm();
  }

  /** The newest of each tier that waits, the youngest of them first. */
  #youngest(): { readonly stored: StoredSample; readonly text: string }[] {
    const waiting = [...this.#newest.values()].filter(({ stored }) => !stored.gone);
    return waiting.sort((a, b) => b.stored.monotonic - a.stored.monotonic);
  }

  #isLate({ run, monotonic, interval }: StoredSample, now: number): boolean {
    return run !== this.#options.run || now - monotonic > Math.min(interval * 1000 * LIVE_INTERVALS, MAX_LIVE_MS);
  }

  /** Takes the server's acknowledgement. */
  acknowledge(ack: Ack): void {
    const { outbox, clock, run, onConflict } = this.#options;
    if (ack.conflict === true) {
      if (ack.run === run) onConflict();
      return;
    }
    const { seqs = [], clock: wrong = [] } = ack;
    const forgotten = outbox.forget(ack.run, seqs);
    for (const stored of forgotten) this.#flight.delete(stored);
    if (wrong.length > 0) this.#restamp(ack.run, wrong, ack.time);
    else if (forgotten.length > 0) this.#taken(clock.confirm(ack.time));
    this.#waitingSince = this.#flight.size === 0 ? null : clock.monotonic();
    void this.#pump();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** With the first ack of a connection the backlog may go: once its times are checked by a clock that is known to be right. */
  #taken(clockIsRight: boolean): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#startOver();
    if (!clockIsRight) return;
    void this.#restampAll([]);
    this.#options.outbox.expire();
  }

  /** The server takes these samples for too far off its clock: they are told anew by the server's. */
  #restamp(run: string, ranges: SeqRanges, serverTime: number): void {
    const { clock, outbox, logger } = this.#options;
    const before = clock.now();
    clock.correct(serverTime);
    const off = Math.round((before - clock.now()) / 1000);
    if (off !== 0) logger.warn({ off_seconds: off }, `this machine's clock is off by ${off} s: samples are stamped by the server's clock`);
    this.#answered = true;
    this.#startOver();
    const named = outbox.named(run, ranges);
    this.#giveUpTimeless(named.filter(({ boot }) => boot !== outbox.boot));
    void this.#restampAll(named);
  }

  #giveUpTimeless(samples: readonly StoredSample[]): void {
    if (samples.length === 0) return;
    const { outbox, logger } = this.#options;
    logger.warn({ samples: samples.length }, 'samples from before the last boot have no time that can be right: they are given up');
    outbox.giveUp(samples, 'clock');
  }

  /** Stamps the named samples of this boot anew, and those whose time nobody has confirmed and which is far off. */
  async #restampAll(named: readonly StoredSample[]): Promise<void> {
    const { clock, outbox } = this.#options;
    const zero = clock.zero();
    const wrong = new Set(named.filter(({ boot, gone }) => boot === outbox.boot && !gone));
    const hopeless: StoredSample[] = [];
    const pending = outbox.pending();
    for (let next = pending.next(); next.done !== true; next = pending.next()) {
      const { sure, boot, time, monotonic } = next.value;
      if (sure) continue;
      if (boot !== outbox.boot && time < EARLIEST_MS) hopeless.push(next.value);
      else if (boot === outbox.boot && Math.abs(zero + monotonic - time) > MAX_CLOCK_SKEW_MS) wrong.add(next.value);
    }
    this.#giveUpTimeless(hopeless);
    if (wrong.size === 0) return;
    const connection = this.#connection;
    this.#restamping++;
    await outbox.restamp([...wrong], zero);
    this.#restamping--;
    for (const stored of named) {
      if (stored.gone || this.#connection !== connection) continue;
      const restamps = (this.#restamps.get(stored) ?? 0) + 1;
      this.#restamps.set(stored, restamps);
      // A server that keeps refusing is asked again at the pace of resending only.
      if (restamps > MAX_RESTAMPS) continue;
      const text = await outbox.read(stored).catch(() => null);
      if (text !== null && this.#options.client.connected && this.#connection === connection) this.#publish(stored, text);
    }
    this.#arm();
  }

  #startOver(): void {
    this.#cursor = null;
    this.#exhausted = false;
  }

  #isSilent(now: number): boolean {
    return this.#waitingSince !== null && now - this.#waitingSince > this.#ackTimeoutMs;
  }

  #backlogPerSecond(now: number): number {
    return (this.#options.backlogRate ?? 5) * this.#rate.perSecond(now);
  }

  /** Sends what may be sent now, and sees to it that the rest follows. */
  async #pump(): Promise<void> {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) await this.#sendBatch(batch);
    this.#pumping = false;
    this.#arm();
  }

  async #sendBatch(batch: readonly StoredSample[]): Promise<void> {
    const { outbox, client } = this.#options;
    const connection = this.#connection;
    const texts = await Promise.all(batch.map((stored) => outbox.read(stored).catch((error: unknown) => this.#unreadable(error))));
    if (this.#connection !== connection || !client.connected || this.#closed) return;
    for (const [at, stored] of batch.entries()) {
      const text = texts[at];
      if (text != null && !stored.gone) this.#publish(stored, text);
      else this.#flight.delete(stored);
    }
  }

  /** Looks at it again later; what is in memory does not wait for that. */
  #unreadable(error: unknown): null {
    const { clock, logger } = this.#options;
    if (this.#unreadableUntil === null) logger.debug({ err: error }, 'the spool cannot be read now');
    this.#unreadableUntil = clock.monotonic() + READ_RETRY_MS;
    this.#startOver();
    return null;
  }

  /** What is to be read and sent now; it counts as under way. */
  #nextBatch(): StoredSample[] {
    const { outbox, client, clock } = this.#options;
    if (!client.connected || this.#closed || this.#restamping > 0 || outbox.size === 0) return [];
    const now = clock.monotonic();
    if (this.#flight.expire(now - this.#ackTimeoutMs) > 0) this.#startOver();
    if (this.#unreadableUntil !== null && now >= this.#unreadableUntil) {
      this.#unreadableUntil = null;
      this.#startOver();
    }
    let room: number;
    if (this.#isSilent(now) || !this.#answered) {
      // A server that has come back is noticed although nothing live is sent.
      if (this.#flight.size > 0 || now < this.#probeAt) return [];
      const [probe] = this.#youngest();
      room = 1;
      if (probe !== undefined) return this.#underWay([probe.stored], now);
    } else {
      if (now < this.#backlogFrom) return [];
      room = Math.min(BATCH, WINDOW - LIVE_ROOM - this.#flight.size, this.#budget.available(now, this.#backlogPerSecond(now)));
    }
    const batch: StoredSample[] = [];
    while (batch.length < room) {
      const next = this.#next();
      if (next === null) break;
      batch.push(next);
    }
    this.#budget.spend(batch.length);
    return this.#underWay(batch, now);
  }

  #underWay(batch: StoredSample[], now: number): StoredSample[] {
    for (const stored of batch) this.#flight.add(stored, now);
    if (batch.length > 0) this.#probeAt = now + this.#ackTimeoutMs;
    return batch;
  }

  /** The oldest that waits and is not under way. */
  #next(): StoredSample | null {
    if (this.#exhausted) return null;
    this.#cursor ??= this.#options.outbox.pending();
    for (let next = this.#cursor.next(); next.done !== true; next = this.#cursor.next()) {
      const stored = next.value;
      const waits = stored.settled && !stored.gone && !this.#flight.has(stored);
      if (waits && (this.#unreadableUntil === null || stored.text !== null)) return stored;
    }
    this.#cursor = null;
    this.#exhausted = true;
    return null;
  }

  /** Looks again when something may be due. */
  #arm(): void {
    clearTimeout(this.#timer);
    const { client, clock, outbox } = this.#options;
    if (this.#closed || !client.connected || outbox.size === 0) return;
    this.#timer = setTimeout(() => void this.#pump(), Math.max(MIN_WAIT_MS, this.#nextDue(clock.monotonic())));
  }

  #nextDue(now: number): number {
    const due = this.#nextSending(now);
    return this.#unreadableUntil === null ? due : Math.min(due, this.#unreadableUntil - now);
  }

  #nextSending(now: number): number {
    const oldest = this.#flight.oldest();
    const timeout = oldest === null ? Number.POSITIVE_INFINITY : oldest + this.#ackTimeoutMs - now;
    if (this.#isSilent(now) || !this.#answered) return Math.min(timeout, oldest === null ? this.#probeAt - now : this.#ackTimeoutMs);
    if (this.#exhausted || this.#flight.size >= WINDOW - LIVE_ROOM) return Math.min(timeout, this.#ackTimeoutMs);
    return Math.min(timeout, Math.max(this.#backlogFrom - now, this.#budget.wait(now, this.#backlogPerSecond(now))));
  }

  #publish(stored: StoredSample, text: string): void {
    const { client, clock, topics, host, logger, onPayload } = this.#options;
    const now = clock.monotonic();
    this.#flight.add(stored, now);
    this.#waitingSince ??= now;
    if (this.#sentBefore.has(stored)) this.#resent++;
    this.#sentBefore.add(stored);
    const late = this.#isLate(stored, now);
    const payload = late ? `${text.slice(0, -1)},"backfill":true}` : text;
    onPayload?.(stored.tier, payload);
    // What is retained is the newest: an older one sent again must not take its place.
    const retain = !late && this.#newest.get(stored.tier)?.stored === stored;
    client.publish(topics.sample(host, stored.tier), this.#encode(payload), { qos: 1, retain }).catch((error: unknown) => {
      logger.debug({ err: error, seq: stored.seq }, 'a sample was not taken by the broker and will be sent again');
    });
  }

  #encode(text: string): string | Uint8Array {
    if (!this.#compress) return text;
    const packed = gzipPayload(text);
    return packed.length <= MAX_PAYLOAD_BYTES ? packed : text;
  }
}

function withTime(text: string, time: number): string {
  return text.replace(/"time":\d+/, `"time":${time}`);
}
