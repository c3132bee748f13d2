import type { TmuxSession } from '../api/types.ts';
import { count } from '../format/number.ts';

export type { TmuxSession };

export const TABS = ['active', 'legacy', 'hosts'] as const;
export type Tab = (typeof TABS)[number];

export const SORTS = {
  memory: 'memory held',
  gpu: 'GPU memory',
  cpu: 'CPU',
  detached: 'longest detached',
  name: 'name',
} as const;
export type Sort = keyof typeof SORTS;
/** Legacy is read for what it costs, active for what goes on. */
export const STANDARD_SORT: Readonly<Record<'active' | 'legacy', Sort>> = { active: 'cpu', legacy: 'memory' };

/** Is somebody attached to it, as far as it is known? */
export function isAttached({ attached }: TmuxSession): boolean {
  return (attached ?? 0) > 0;
}

const byName = (a: TmuxSession, b: TmuxSession): number =>
  a.name.localeCompare(b.name) || a.host.localeCompare(b.host) || a.user.localeCompare(b.user) || a.id.localeCompare(b.id);
const largest =
  (value: (session: TmuxSession) => number | null) =>
  (a: TmuxSession, b: TmuxSession): number =>
    (value(b) ?? -1) - (value(a) ?? -1) || byName(a, b);
const COMPARE: Readonly<Record<Sort, (a: TmuxSession, b: TmuxSession) => number>> = {
  memory: largest(({ memory }) => memory),
  gpu: largest(({ gpuMemory }) => gpuMemory),
  cpu: largest(({ cpu }) => cpu),
  detached: (a, b) => (idleSince(a) ?? Number.POSITIVE_INFINITY) - (idleSince(b) ?? Number.POSITIVE_INFINITY) || byName(a, b),
  name: byName,
};

/** Largest first, unknown last; those that somebody is attached to stand before the others, unless by name. */
export function sortSessions(sessions: readonly TmuxSession[], sort: Sort): TmuxSession[] {
  const compare = COMPARE[sort];
  if (sort === 'name') return [...sessions].sort(compare);
  return [...sessions].sort((a, b) => Number(isAttached(b)) - Number(isAttached(a)) || compare(a, b));
}

/** Since when nobody is attached, as far as it is known; null while somebody is. */
export function idleSince(session: TmuxSession): number | null {
  return isAttached(session) ? null : (session.lastActivity ?? session.created);
}

/** Does it match every word of the text, by name, host or user? */
export function matchesText({ name, host, user }: TmuxSession, text: string): boolean {
  const own = `${name} ${host} ${user}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => own.includes(word));
}

export interface HostSessions {
  readonly host: string;
  readonly sessions: readonly TmuxSession[];
  readonly active: number;
  readonly legacy: number;
  /** Bytes of all of them. */
  readonly memory: number;
}

/** By host, in the order of names; within one those that are attached first, then by memory. */
export function byHost(sessions: readonly TmuxSession[]): HostSessions[] {
  const hosts = new Map<string, TmuxSession[]>();
  for (const session of sessions) hosts.set(session.host, [...(hosts.get(session.host) ?? []), session]);
  return [...hosts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([host, own]) => {
      const legacy = own.filter(({ status }) => status === 'legacy').length;
      const order = (one: TmuxSession): number => (isAttached(one) ? 0 : one.status === 'active' ? 1 : 2);
      return {
        host,
        sessions: sortSessions(own, 'memory').sort((a, b) => order(a) - order(b)),
        active: own.length - legacy,
        legacy,
        memory: own.reduce((sum, { memory }) => sum + (memory ?? 0), 0),
      };
    });
}

/** What sessions cost together. Null: none of them tells. */
export function costOf(sessions: readonly TmuxSession[]) {
  const sum = (value: (session: TmuxSession) => number | null): number | null => {
    const known = sessions.map(value).filter((one) => one !== null);
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  };
  const oldest = sessions
    .filter((one) => idleSince(one) !== null)
    .reduce<TmuxSession | null>((a, b) => (a !== null && (idleSince(a) ?? 0) <= (idleSince(b) ?? 0) ? a : b), null);
  return {
    count: sessions.length,
    hosts: new Set(sessions.map(({ host }) => host)).size,
    cpu: sum(({ cpu }) => cpu),
    memory: sum(({ memory }) => memory),
    gpuMemory: sum(({ gpuMemory }) => gpuMemory),
    oldest,
  };
}

/** "3 windows and 4 processes end." */
export function endsSentence({ windows, pids }: TmuxSession): string {
  const parts = [...(windows === null ? [] : [count(windows, 'window')]), ...(pids === null ? [] : [count(pids, 'process', 'processes')])];
  const one = parts.length === 0 || (parts.length === 1 && (windows ?? pids) === 1);
  return `${parts.length === 0 ? 'It' : parts.join(' and ')} ${one ? 'ends' : 'end'}. This cannot be undone.`;
}
