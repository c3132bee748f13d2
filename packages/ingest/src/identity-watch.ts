import type { Sample } from '@hostwire/model';
import { decodeJson, PayloadError } from '@hostwire/transport';

/** Two agents with one identity: both are alive, and `newer` is the one that is to idle. */
export interface Conflict {
  /** The run that was there first. */
  readonly run: string;
  readonly newer: string;
}

export interface IdentityWatch {
  /** A live `info`, which an agent publishes when it connects. A retained one is no sign of life and must not come here. */
  sawConnect(host: string, run: string, receivedAt: number): Conflict | null;
  /** A live sample; those of a backlog and retained ones must not come here. */
  sawSample(sample: Pick<Sample, 'host' | 'run' | 'interval'>, receivedAt: number): Conflict | null;
  /** What is known now: null once the older run is silent, or the newer one has given up. */
  conflictOf(host: string): { readonly since: number; readonly runs: readonly [older: string, newer: string] } | null;
}

interface Run {
  readonly run: string;
  readonly firstAt: number;
  lastAt: number;
  /** The first live sample that came more than an interval after a newer run was first seen. */
  lateAt: number | null;
  /** It was alive after a newer one had begun: it was not replaced by that one. */
  returnedAt: number | null;
}

interface Identity {
  /** In the order in which they were first seen. */
  readonly runs: Run[];
  /** The shortest that was seen. */
  intervalMs: number;
  conflict: { readonly since: number; readonly runs: readonly [older: string, newer: string] } | null;
}

const DEFAULT_INTERVAL_MS = 30_000;
/** An agent that lost its connection to the other one comes back within this. */
const MIN_ALIVE_MS = 60_000;
/** A run that idles looks again after an hour at the latest. */
const NEWER_SILENT_MS = 75 * 60_000;
const MAX_RUNS = 4;
const MAX_IDENTITIES = 50_000;

const RUN = /^[A-Za-z0-9]{1,32}$/;

/**
 * Finds two agents that run under one identity. A restart looks like one at first: another run appears. It is one for
 * good if the earlier run never shows again; that it does is what tells a clone.
 */
export function createIdentityWatch({ now }: { readonly now: () => number }): IdentityWatch {
  const identities = new Map<string, Identity>();

  const identityOf = (host: string): Identity => {
    let identity = identities.get(host);
    if (identity === undefined) {
      if (identities.size >= MAX_IDENTITIES) identities.clear();
      identity = { runs: [], intervalMs: Number.POSITIVE_INFINITY, conflict: null };
      identities.set(host, identity);
    }
    return identity;
  };

  const isAlive = ({ intervalMs }: Identity, run: Run, at: number): boolean => at - run.lastAt <= aliveMs(intervalMs);

  /** `returns` tells whether this sign shows that an older run was not replaced. */
  const saw = (host: string, name: string, at: number, returns: (run: Run, newer: Run) => boolean): Conflict | null => {
    const identity = identityOf(host);
    const { runs } = identity;
    let index = runs.findIndex(({ run }) => run === name);
    if (index < 0) {
      if (runs.length >= MAX_RUNS) runs.shift();
      index = runs.push({ run: name, firstAt: at, lastAt: at, lateAt: null, returnedAt: null }) - 1;
    }
    const run = runs[index] as Run;
    run.lastAt = at;
    if (runs.length === 1) return null;
    const newest = runs.at(-1) as Run;
    if (run !== newest && returns(run, newest)) run.returnedAt = at;
    const older = runs.slice(0, index).find((other) => other.returnedAt !== null && isAlive(identity, other, at));
    if (older !== undefined) return remember(identity, older, run, at);
    return run !== newest && run.returnedAt !== null && isAlive(identity, newest, at) ? remember(identity, run, newest, at) : null;
  };

  const remember = (identity: Identity, older: Run, newer: Run, at: number): Conflict => {
    const { conflict } = identity;
    const isSame = conflict?.runs[0] === older.run && conflict.runs[1] === newer.run;
    if (!isSame) identity.conflict = { since: at, runs: [older.run, newer.run] };
    return { run: older.run, newer: newer.run };
  };

  return {
    sawConnect: (host, run, at) => saw(host, run, at, () => true),
    sawSample({ host, run: name, interval }, at) {
      const identity = identityOf(host);
      identity.intervalMs = Math.min(identity.intervalMs, interval * 1000);
      return saw(host, name, at, (run, newer) => {
        if (at <= newer.firstAt + identity.intervalMs) return false;
        run.lateAt ??= at;
        return at - run.lateAt >= identity.intervalMs / 2;
      });
    },
    conflictOf(host) {
      const identity = identities.get(host);
      if (identity === undefined || identity.conflict === null) return null;
      const [older, newer] = identity.conflict.runs.map((name) => identity.runs.find(({ run }) => run === name));
      const holds =
        older !== undefined && newer !== undefined && isAlive(identity, older, now()) && now() - newer.lastAt <= NEWER_SILENT_MS;
      if (!holds) identity.conflict = null;
      return identity.conflict;
    },
  };
}

function aliveMs(intervalMs: number): number {
  return Math.max(MIN_ALIVE_MS, 3 * (Number.isFinite(intervalMs) ? intervalMs : DEFAULT_INTERVAL_MS));
}

/** The run that an `info` names, or null. */
export function infoRun(payload: Uint8Array): string | null {
  try {
    const { run } = (decodeJson(payload) ?? {}) as { readonly run?: unknown };
    return typeof run === 'string' && RUN.test(run) ? run : null;
  } catch (error) {
    if (error instanceof PayloadError) return null;
    throw error;
  }
}
