import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { HostSummary } from '../api/types.ts';
import { compareHosts, STATUS, statusOf } from './status.ts';

export const SORTS = {
  worst: 'worst first',
  name: 'name',
  cpu: 'CPU',
  memory: 'memory',
  disk: 'fullest disk',
  temperature: 'hottest',
  in: 'network in',
  out: 'network out',
  load: 'load',
  up: 'uptime',
  seen: 'last seen',
} as const;
export type Sort = keyof typeof SORTS;
export type Show = 'all' | 'problems' | 'ok';
export type View = 'cards' | 'table';

const VALUE: Readonly<Record<Exclude<Sort, 'worst' | 'name'>, (host: HostSummary) => number | null>> = {
  cpu: (host) => host.cpu,
  memory: (host) => host.memory.percent,
  disk: (host) => host.disk?.percent ?? null,
  temperature: (host) => host.temperature?.celsius ?? null,
  in: (host) => host.network?.in ?? null,
  out: (host) => host.network?.out ?? null,
  load: (host) => host.load?.[0] ?? null,
  up: (host) => host.uptime,
  seen: (host) => host.last_seen,
};

/** The comparison of a sort: largest first, unknown last, then worst first. */
export function comparison(sort: Sort): (a: HostSummary, b: HostSummary) => number {
  if (sort === 'worst') return compareHosts;
  if (sort === 'name') return (a, b) => a.host.localeCompare(b.host);
  const value = VALUE[sort];
  return (a, b) => (value(b) ?? -Infinity) - (value(a) ?? -Infinity) || compareHosts(a, b);
}

/** Does the host match every word of the text, in its name, system, model or state? */
export function matches(host: HostSummary, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const place = [host.host, host.os, host.kernel, host.arch, host.cpu_model, STATUS[statusOf(host)].word].join(' ').toLowerCase();
  return words.every((word) => place.includes(word));
}

export const isProblem = (host: HostSummary): boolean => statusOf(host) !== 'ok';

/** What the fleet page shows, kept in the address so that it can be sent to somebody. */
export function useFleetView() {
  const route = useRoute();
  const router = useRouter();

  const param = (name: string): string => {
    const value = route.query[name];
    return typeof value === 'string' ? value : '';
  };
  function set(name: string, value: string, standard: string): void {
    const query = { ...route.query };
    if (value === standard) delete query[name];
    else query[name] = value;
    void router.replace({ query });
  }

  const text = computed({ get: () => param('q'), set: (value: string) => set('q', value, '') });
  const sort = computed<Sort>({
    get: () => (param('sort') in SORTS ? (param('sort') as Sort) : 'worst'),
    set: (value) => set('sort', value, 'worst'),
  });
  const show = computed<Show>({
    get: () => (['problems', 'ok'].includes(param('show')) ? (param('show') as Show) : 'all'),
    set: (value) => set('show', value, 'all'),
  });
  const view = computed<View | null>({
    get: () => (['cards', 'table'].includes(param('view')) ? (param('view') as View) : null),
    set: (value) => set('view', value ?? '', ''),
  });
  return { text, sort, show, view };
}
