import type { HostConflict, HostView } from '@hostwire/alerting';
import { type CollectError, canonicalJson, type HostInfo, type Row, type Sample, type Tier } from '@hostwire/model';
import type { HostRecord } from '@hostwire/registry';
import type { CatalogIndex } from './catalog-index.ts';
import { ratesOf, rowKey, type TimedRows } from './rates.ts';

export interface LatestRows {
  /** The agent's stamp, ms since the epoch. */
  readonly time: number;
  readonly tier: Tier;
  readonly rows: readonly Row[];
  readonly receivedAt: number;
  /** Seconds. */
  readonly interval: number;
}

interface TierState {
  readonly run: string;
  readonly seq: number;
  readonly interval: number;
  readonly time: number;
  /** Of the newest live one; 0 if there was none. */
  readonly receivedAt: number;
  readonly errors: readonly CollectError[];
}

/** One measurement in one tier. */
interface Slot {
  readonly current: LatestRows;
  /** The tick before, for rates. */
  readonly previous: (TimedRows & { readonly interval: number }) | null;
  /** Hash of the catalog that says which fields are counters. */
  readonly catalog: string;
  /** Null until somebody asks: most samples come while nobody looks. */
  rates: readonly Row[] | null;
}

/** How a message came: a retained one, or one from an agent's spool, is no sign of life. */
export interface Arrival {
  /** The server's clock, ms since the epoch. */
  readonly receivedAt: number;
  readonly retained: boolean;
}

const LATE_INTERVALS = 3;
const DEFAULT_INTERVAL_S = 30;
/** A mean over a longer gap says nothing of now. */
const MAX_RATE_INTERVALS = 10;

/** What the server knows of one host right now. */
export class HostLive implements HostView {
  readonly host: string;
  info: HostInfo | null;
  group: string | null;
  labels: Readonly<Record<string, string>>;
  gateway: string | null;
  lastSeenAt: number | null;
  lastSampleAt: number | null = null;
  offlineSince: number | null = null;
  /** The self-measurements come in every tier, each with its own rows. */
  readonly #slots = new Map<string, Map<Tier, Slot>>();
  readonly #tiers = new Map<Tier, TierState>();
  readonly #catalogs: CatalogIndex;
  readonly #conflictOf: (host: string) => HostConflict | null;
  readonly #stateOf: (host: string) => HostView['state'] | undefined;
  #onlineAt: number | null = null;
  /** When it was heard of last while it took no samples; 0: never. */
  #pausedAt = 0;

  constructor(
    record: Pick<HostRecord, 'host' | 'lastSeenAt' | 'info' | 'group' | 'labels' | 'gateway'>,
    catalogs: CatalogIndex,
    conflictOf: (host: string) => HostConflict | null,
    stateOf: (host: string) => HostView['state'] | undefined,
  ) {
    this.#conflictOf = conflictOf;
    this.#stateOf = stateOf;
    this.host = record.host;
    this.lastSeenAt = record.lastSeenAt;
    this.info = record.info;
    this.group = record.group;
    this.labels = record.labels;
    this.gateway = record.gateway;
    this.#catalogs = catalogs;
  }

  /** True if it is in another group, has other labels or another gateway than before. */
  regroup({ group, labels, gateway }: Pick<HostRecord, 'group' | 'labels' | 'gateway'>): boolean {
    if (this.group === group && this.gateway === gateway && canonicalJson(this.labels) === canonicalJson(labels)) return false;
    this.group = group;
    this.labels = labels;
    this.gateway = gateway;
    return true;
  }

  get state(): HostView['state'] {
    if (this.lastSeenAt === null) return 'never_connected';
    if (this.gateway !== null && this.#stateOf(this.gateway) !== 'online') return 'unknown';
    if (this.offlineSince !== null) return 'offline';
    return this.#onlineAt === null ? 'offline' : 'online';
  }

  get conflict(): HostConflict | null {
    return this.#conflictOf(this.host);
  }

  get interval(): number | null {
    return this.intervalOf('fast');
  }

  /** Told to take no samples: it says that it is there in the rhythm of its fast tier. */
  get isPaused(): boolean {
    return this.info?.enabled === false;
  }

  /** Seconds between samples of a tier. */
  intervalOf(tier: Tier): number | null {
    return this.#tiers.get(tier)?.interval ?? this.info?.intervals[tier] ?? null;
  }

  /** Online, but the newest fast sample is older than 3 intervals. */
  isLate(now: number): boolean {
    if (this.state !== 'online' || this.#onlineAt === null || this.isPaused) return false;
    const heard = Math.max(this.#onlineAt, this.#tiers.get('fast')?.receivedAt ?? 0, this.#pausedAt);
    return now - heard > LATE_INTERVALS * (this.interval ?? DEFAULT_INTERVAL_S) * 1000;
  }

  latest(measurement: string): LatestRows | undefined {
    const slots = [...(this.#slots.get(measurement)?.values() ?? [])].map(({ current }) => current);
    const newest = slots.reduce(
      (best: LatestRows | undefined, slot) => (best === undefined || slot.time > best.time ? slot : best),
      undefined,
    );
    return newest === undefined || slots.length === 1 ? newest : { ...newest, rows: slots.flatMap(({ rows }) => rows) };
  }

  /**
   * The rows of a measurement of one collector as of the newest tick of their tier: where that tick had none, there are none
   * any more. `current` is false where it says that the collector failed, or where there was no tick since the start.
   */
  standing(measurement: string, collector: string): (LatestRows & { readonly current: boolean }) | undefined {
    const found = this.latest(measurement);
    if (found === undefined) return undefined;
    const tick = this.#tiers.get(found.tier);
    if (tick === undefined) return { ...found, current: false };
    if (tick.time <= found.time) return { ...found, current: true };
    if (tick.errors.some((error) => error.collector === collector)) return { ...found, current: false };
    const { time, receivedAt, interval } = tick;
    return { time, receivedAt, interval, tier: found.tier, rows: [], current: true };
  }

  measurements(): string[] {
    return [...this.#slots.keys()].sort();
  }

  /** The counters of a measurement as change per second between its two newest samples. */
  rates(measurement: string): readonly Row[] {
    return [...(this.#slots.get(measurement)?.values() ?? [])].flatMap((slot) => {
      slot.rates ??= this.#ratesOf(measurement, slot);
      return slot.rates;
    });
  }

  /** Of the newest sample of each tier. */
  errors(): CollectError[] {
    return [...this.#tiers.values()].flatMap(({ errors }) => errors);
  }

  /** False if it changed nothing: back-filled, or known already. */
  applySample(sample: Sample, { receivedAt, retained }: Arrival): boolean {
    if (sample.backfill === true) return false;
    // A sample that waited for its commit while the will came is older than the will.
    const signOfLife = !retained && receivedAt >= (this.offlineSince ?? 0);
    if (signOfLife) this.applySignOfLife(receivedAt);
    const known = this.#tiers.get(sample.tier);
    // By run and seq, not by time: a host whose clock was set back still has a newest sample.
    if (known?.run === sample.run && sample.seq <= known.seq) return signOfLife;
    const sameTick = known?.run === sample.run && known.time === sample.time;
    this.#tiers.set(sample.tier, {
      run: sample.run,
      seq: sample.seq,
      interval: sample.interval,
      time: sample.time,
      receivedAt: retained ? (known?.receivedAt ?? 0) : receivedAt,
      errors: distinct([...(sameTick ? known.errors : []), ...(sample.errors ?? [])]),
    });
    for (const measurement in sample.data) this.#applyRows(measurement, sample.data[measurement] ?? [], sample, receivedAt);
    return true;
  }

  /** It sent something that says nothing else of it. */
  applySignOfLife(receivedAt: number): void {
    this.lastSampleAt = receivedAt;
    this.#sawAlive(receivedAt);
  }

  /** Rows from the store, at start: shown until the first sample comes, never a sign of life. */
  seed(measurement: string, rows: LatestRows): void {
    if (!this.#slots.has(measurement))
      this.#slots.set(measurement, new Map([[rows.tier, { current: rows, previous: null, catalog: '', rates: [] }]]));
  }

  applyStatus(status: 'online' | 'offline', { receivedAt, retained }: Arrival): void {
    if (status === 'offline') {
      // It was seen before, or there would be no will; when it went is known only from a live message.
      this.offlineSince ??= retained ? (this.lastSeenAt ?? receivedAt) : receivedAt;
      this.lastSeenAt ??= this.offlineSince;
      this.#onlineAt = null;
      return;
    }
    if (retained) return;
    if (this.isPaused) this.applySignOfLife(receivedAt);
    else this.#sawAlive(receivedAt);
  }

  applyInfo(info: HostInfo, { receivedAt, retained }: Arrival): void {
    // What comes next comes in the longer of the two rhythms at the latest; a sample says which it is from then on.
    for (const [tier, state] of this.#tiers) {
      this.#tiers.set(tier, { ...state, interval: Math.max(state.interval, info.intervals[tier]) });
    }
    if (this.isPaused && !retained) {
      this.#pausedAt = receivedAt;
      this.applySignOfLife(receivedAt);
    }
    this.info = info;
  }

  #sawAlive(at: number): void {
    this.offlineSince = null;
    this.#onlineAt ??= at;
    this.lastSeenAt = Math.max(this.lastSeenAt ?? 0, at);
  }

  #applyRows(measurement: string, rows: readonly Row[], sample: Sample, receivedAt: number): void {
    const { time, tier, interval } = sample;
    let slots = this.#slots.get(measurement);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(measurement, slots);
    }
    const slot = slots.get(tier);
    const sameTick = slot?.current.time === time;
    const previous = sameTick ? slot.previous : (slot?.current ?? null);
    const current = { time, tier, rows: sameTick ? mergeRows(slot.current.rows, rows) : rows, receivedAt, interval };
    const kept = previous === null ? null : { time: previous.time, rows: previous.rows, interval: previous.interval };
    slots.set(tier, { current, previous: kept, catalog: sample.catalog, rates: null });
  }

  #ratesOf(measurement: string, { current, previous, catalog }: Slot): Row[] {
    if (previous === null) return [];
    const longest = MAX_RATE_INTERVALS * Math.max(previous.interval, current.interval) * 1000;
    if (current.time - previous.time > longest) return [];
    const fields = this.#catalogs.measurement(measurement, catalog)?.fields ?? {};
    return ratesOf(previous, current, (name) => Object.hasOwn(fields, name) && fields[name]?.kind === 'counter');
  }
}

/** Rows of a tick that came in parts; a row that came twice counts once. */
function mergeRows(known: readonly Row[], added: readonly Row[]): Row[] {
  const rows = new Map([...known, ...added].map((row) => [rowKey(row), row]));
  return [...rows.values()];
}

function distinct(errors: readonly CollectError[]): CollectError[] {
  return [...new Map(errors.map((error) => [`${error.collector} ${error.code}`, error])).values()];
}
