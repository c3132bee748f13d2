import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { HostSummary } from '../api/types.ts';
import { labelOf, unquote, wordsOf } from './labels.ts';
import type { Division } from './sections.ts';
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

/**
 * Does the host match every word of the text? `group:pi` and `label:site=home` (or `label:site`: any value) name a group
 * and a label; any other word stands in its name, system, model, state, group or labels.
 */
export function matches(host: HostSummary, text: string): boolean {
  return wordsOf(text.toLowerCase()).every((word) => {
    const [, kind, asked = ''] = /^(group|label):(.*)$/s.exec(word) ?? [];
    if (kind === 'group') return asked === '' || host.group?.toLowerCase() === unquote(asked);
    if (kind === 'label') return asked === '' || hasLabel(host, asked);
    return placeOf(host).includes(unquote(word));
  });
}

function hasLabel(host: HostSummary, asked: string): boolean {
  const at = asked.indexOf('=');
  const value = labelOf(host.labels, unquote(at < 0 ? asked : asked.slice(0, at)));
  return value !== null && (at < 0 || value.toLowerCase() === unquote(asked.slice(at + 1)));
}

function placeOf(host: HostSummary): string {
  const labels = Object.entries(host.labels).map(([key, value]) => `${key}=${value}`);
  const { group, os, kernel, arch, cpu_model: model } = host;
  return [host.host, os, kernel, arch, model, STATUS[statusOf(host)].word, group, ...labels].join(' ').toLowerCase();
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
  /** The name of a group, `-` for none, empty for all. */
  const group = computed({ get: () => param('group'), set: (value: string) => set('group', value, '') });
  const by = computed<Division>({
    get: () => (param('by') === 'none' || param('by').startsWith('label:') ? (param('by') as Division) : 'group'),
    set: (value) => set('by', value, 'group'),
  });
  return { text, sort, show, view, group, by };
}
