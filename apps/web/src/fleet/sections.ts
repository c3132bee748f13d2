import type { HostSummary } from '../api/types.ts';
import { labelOf } from './labels.ts';
import { type HostStatus, STATUS, statusOf } from './status.ts';

/** What a fleet is divided by: its groups, the values of one label, or nothing. */
export type Division = 'none' | 'group' | `label:${string}`;

export interface Section {
  /** Null: the hosts that are in no group, or have no such label. */
  readonly name: string | null;
  /** In the order in which they were given. */
  readonly hosts: readonly HostSummary[];
  /** States that are not OK, worst first, with their count. */
  readonly states: readonly { readonly status: HostStatus; readonly n: number }[];
}

/** Stands in an address for the hosts without a group; no group has this name. */
export const NO_GROUP = '-';

export function groupOf(host: HostSummary): string {
  return host.group ?? NO_GROUP;
}

function placeOf(host: HostSummary, by: Division): string | null {
  return by === 'none' ? null : by === 'group' ? host.group : labelOf(host.labels, by.slice('label:'.length));
}

/** Groups of the fleet by name, with how many hosts; hosts without one are the last. Empty while no host is in one. */
export function groupsOf(hosts: readonly HostSummary[]): readonly { readonly value: string; readonly text: string; readonly n: number }[] {
  const counts = new Map<string, number>();
  for (const host of hosts) counts.set(groupOf(host), (counts.get(groupOf(host)) ?? 0) + 1);
  const names = [...counts.keys()].filter((name) => name !== NO_GROUP).sort((a, b) => a.localeCompare(b));
  if (names.length === 0) return [];
  const alone = counts.get(NO_GROUP);
  return [
    ...names.map((name) => ({ value: name, text: name, n: counts.get(name) ?? 0 })),
    ...(alone === undefined ? [] : [{ value: NO_GROUP, text: 'No group', n: alone }]),
  ];
}

/** What this fleet can be divided by. */
export function divisionsOf(hosts: readonly HostSummary[]): readonly Division[] {
  const keys = [...new Set(hosts.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const labels = keys.map((key): Division => `label:${key}`);
  const grouped: readonly Division[] = hosts.some(({ group }) => group !== null) ? ['group', ...labels] : labels;
  return grouped.length === 0 ? [] : [...grouped, 'none'];
}

/** The hosts in sections, in the order in which each first appears: as calm as the order of the hosts. */
export function sectionsOf(hosts: readonly HostSummary[], by: Division): readonly Section[] {
  const places = new Map<string | null, HostSummary[]>();
  for (const host of hosts) {
    const place = placeOf(host, by);
    const own = places.get(place);
    if (own === undefined) places.set(place, [host]);
    else own.push(host);
  }
  return [...places].map(([name, own]) => ({ name, hosts: own, states: statesOf(own) }));
}

function statesOf(hosts: readonly HostSummary[]): Section['states'] {
  const counts = new Map<HostStatus, number>();
  for (const host of hosts) {
    const status = statusOf(host);
    if (status !== 'ok') counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return [...counts].map(([status, n]) => ({ status, n })).sort((a, b) => STATUS[a.status].rank - STATUS[b.status].rank);
}
