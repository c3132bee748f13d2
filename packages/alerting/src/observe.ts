import type { Row, Tags } from '@hostwire/model';
import type { Rule, ThresholdRule } from './rule.ts';

/** Two agents that run with one identity. */
export interface HostConflict {
  /** When the second was noticed, ms since the epoch. */
  readonly since: number;
  readonly runs: readonly [older: string, newer: string];
}

/** What alerting needs to know of a host; the live state gives it. Times are the server's own, ms since the epoch. */
export interface HostView {
  readonly host: string;
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** By the status topic: `online` only if a live sample or status came since this server's start. */
  readonly state: 'never_connected' | 'online' | 'offline' | 'unknown';
  /** The host that speaks for it; while that one is offline this one is `unknown`. */
  readonly gateway?: string | null;
  /** Receive time of the newest live sample; null: none since this server's start. */
  readonly lastSampleAt: number | null;
  /** Receive time of the newest live sample ever known, also from before this server's start. */
  readonly lastSeenAt: number | null;
  /** Seconds between samples of the fast tier. */
  readonly interval: number | null;
  /** When the `offline` of its will came; null: it is not offline by its will. */
  readonly offlineSince: number | null;
  /** Null: one agent, or none, as far as is known. */
  readonly conflict: HostConflict | null;
  /** Rows of the newest sample that had the measurement, and its receive time. Never from a back-filled sample. */
  latest(measurement: string): { readonly rows: readonly Row[]; readonly receivedAt: number; readonly interval: number } | undefined;
}

/** One reading of one rule: what it is about, and whether it is so. `holds` null is "no data", which is neither. */
export interface Observation {
  readonly host: string;
  readonly labels: Tags;
  /** What else the summary may name. */
  readonly words?: Tags;
  readonly value: number | null;
  readonly holds: boolean | null;
  /** No data, and none to be expected: the host is silent although this server listened. */
  readonly lost: boolean;
  /** True if a firing alert is to resolve: the value is beyond the clear threshold. */
  readonly clears: boolean;
  /** When the condition began as far as the observation itself knows (offline since), else null. */
  readonly since: number | null;
}

/** A host is silent after this many of its intervals without a sample. */
export const SILENT_INTERVALS = 3;
const DEFAULT_INTERVAL_S = 30;
/** Between the last wills of connections that one machine had: by when a broker has noticed each of them (1.5 times keepalive, and some). */
const WILLS_MS = 25_000;
const CONFLICT_HEARD_MS = 600_000;

/**
 * The readings of a rule on one host. Pure. `startedAt`: when this server began to listen; a server that was down
 * itself accuses nobody of the time before.
 */
export function observe(rule: Rule, view: HostView, now: number, startedAt: number): Observation[] {
  if (rule.condition === 'offline') return observeOffline(view, now, startedAt);
  if (rule.condition === 'conflict') return observeConflict(view, now, startedAt);
  return observeThreshold(rule, view, now, startedAt);
}

/** A server that just began to listen may not have heard the second agent yet: it resolves nothing. */
function observeConflict({ host, conflict }: HostView, now: number, startedAt: number): Observation[] {
  const same = { host, labels: {}, value: null, lost: false };
  if (conflict === null) return [{ ...same, holds: false, clears: now - startedAt > CONFLICT_HEARD_MS, since: null }];
  const [older, newer] = conflict.runs;
  return [{ ...same, words: { older, newer }, holds: true, clears: false, since: conflict.since }];
}

function observeOffline(view: HostView, now: number, startedAt: number): Observation[] {
  if (view.lastSeenAt === null) return [];
  // That is its gateway's alert.
  if (view.state === 'unknown') return [{ host: view.host, labels: {}, value: null, holds: null, lost: true, clears: false, since: null }];
  const silentMs = SILENT_INTERVALS * (view.interval ?? DEFAULT_INTERVAL_S) * 1000;
  // A time in the future is one of a clock that was set back since.
  const sampleAt = view.lastSampleAt !== null && view.lastSampleAt <= now ? view.lastSampleAt : 0;
  const heardAt = Math.max(sampleAt, startedAt);
  const silent = now - heardAt > silentMs;
  const said = view.offlineSince !== null;
  const since = said ? view.offlineSince : silent ? heardAt + silentMs : null;
  // Of a gateway that is gone each host behind it is told so for itself, some of them before the gateway is.
  const isEarly = (view.gateway ?? null) !== null && since !== null && now - since < WILLS_MS;
  const holds = isEarly ? null : since !== null;
  return [
    {
      host: view.host,
      labels: {},
      value: null,
      holds,
      lost: false,
      // One that was heard of before this server listened may be silent since.
      clears: holds === false && view.lastSampleAt !== null && sampleAt >= startedAt,
      since,
    },
  ];
}

function observeThreshold(rule: ThresholdRule, view: HostView, now: number, startedAt: number): Observation[] {
  const latest = view.latest(rule.measurement);
  if (latest === undefined) return [];
  const stale = now - latest.receivedAt > SILENT_INTERVALS * latest.interval * 1000;
  const groups = new Map<string, { labels: Tags; value: number | null }>();
  for (const row of latest.rows) {
    const tags = row.tags ?? {};
    if (!Object.entries(rule.where).every(([tag, value]) => tags[tag] === value)) continue;
    const labels = Object.fromEntries(rule.groupBy.map((tag) => [tag, tags[tag] ?? '']));
    const key = JSON.stringify(Object.values(labels));
    const raw = row.fields[rule.field];
    const value = typeof raw === 'string' || raw === undefined ? null : Number(raw);
    const known = groups.get(key)?.value ?? null;
    groups.set(key, { labels, value: worse(rule, known, value) });
  }
  return [...groups.values()].map(({ labels, value }) => ({
    host: view.host,
    labels,
    value,
    lost: stale && now - startedAt > SILENT_INTERVALS * latest.interval * 1000,
    holds: stale || value === null ? null : passes(rule, value, rule.threshold),
    clears: !stale && value !== null && !passes(rule, value, rule.clearThreshold),
    since: null,
  }));
}

function worse(rule: ThresholdRule, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return rule.condition === 'above' ? Math.max(a, b) : Math.min(a, b);
}

function passes(rule: ThresholdRule, value: number, limit: number): boolean {
  return rule.condition === 'above' ? value > limit : value < limit;
}
