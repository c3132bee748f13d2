import type { Alert, HostSummary } from '../api/types.ts';
import { count } from '../format/number.ts';
import { age, clock, span } from '../format/time.ts';
import type { GlyphName } from '../parts/Glyph.vue';
import { gpuWords } from './gpu-words.ts';

export type HostStatus = 'critical' | 'offline' | 'unknown' | 'warning' | 'late' | 'never' | 'paused' | 'ok';

interface StatusLook {
  /** Worst first. */
  readonly rank: number;
  readonly word: string;
  readonly glyph: GlyphName;
  /** Class of text, and of the card or row. */
  readonly text: string;
  readonly box: string;
}

export const STATUS: Readonly<Record<HostStatus, StatusLook>> = {
  critical: { rank: 1, word: 'Critical', glyph: 'crit', text: 't-crit', box: 'crit' },
  offline: { rank: 2, word: 'Offline', glyph: 'off', text: 't-off', box: 'off' },
  unknown: { rank: 3, word: 'Unknown', glyph: 'nodata', text: 'fg2', box: 'stale' },
  warning: { rank: 4, word: 'Warning', glyph: 'warn', text: 't-warn', box: 'warn' },
  late: { rank: 5, word: 'Late', glyph: 'stale', text: 'fg2', box: 'stale' },
  never: { rank: 6, word: 'Never connected', glyph: 'nodata', text: 'fg2', box: 'never' },
  paused: { rank: 7, word: 'Paused', glyph: 'stale', text: 'fg2', box: 'stale' },
  ok: { rank: 8, word: 'OK', glyph: 'ok', text: 'fg3', box: 'ok' },
};

/** Not measured is not the same as bad: a host that is silent is offline, whatever its last alerts were. */
export function statusOf(host: HostSummary): HostStatus {
  if (host.state === 'never_connected') return 'never';
  if (host.state === 'offline') return 'offline';
  if (host.state === 'unknown') return 'unknown';
  if (host.alerts.critical > 0) return 'critical';
  if (host.alerts.warning > 0) return 'warning';
  if (host.paused) return 'paused';
  return host.late ? 'late' : 'ok';
}

/** How near its fullest resource is to its limit, in percent. */
export function nearness(host: HostSummary): number {
  const { temperature } = host;
  const heat = temperature?.limit ? (100 * temperature.celsius) / temperature.limit : 0;
  return Math.max(host.cpu ?? 0, host.memory.percent ?? 0, host.disk?.percent ?? 0, heat);
}

/** Worst first: state, then how many of the worst severity, then nearest to a limit, then name. */
export function compareHosts(a: HostSummary, b: HostSummary): number {
  return (
    STATUS[statusOf(a)].rank - STATUS[statusOf(b)].rank ||
    b.alerts.critical - a.alerts.critical ||
    b.alerts.warning - a.alerts.warning ||
    Math.round(nearness(b)) - Math.round(nearness(a)) ||
    a.host.localeCompare(b.host)
  );
}

/** The second line of a card: the reason, or what it is. `alerts` are those firing there, worst first. */
export function reasonOf(host: HostSummary, alerts: readonly Alert[], now: number): string {
  const status = statusOf(host);
  if (status === 'never') return 'Never connected';
  if (status === 'offline') {
    return host.last_seen === null
      ? 'No data since the server started'
      : `No data for ${age(now, host.last_seen)}, last seen ${clock(host.last_seen)}`;
  }
  if (status === 'unknown') return `Its gateway ${host.gateway ?? ''} is not online`;
  const [first] = alerts;
  if (first !== undefined && status !== 'late') {
    const rest = alerts.length > 1 ? `, and ${alerts.length - 1} more` : ` for ${age(now, first.fired_at ?? first.since)}`;
    return first.summary + rest;
  }
  if (status === 'late') {
    const silent = host.last_seen === null ? 0 : (now - host.last_seen) / 1000;
    const missed = host.interval === null ? 0 : Math.floor(silent / host.interval);
    return `Late, expected every ${span(host.interval ?? 0)}, ${count(missed, 'interval')} missed`;
  }
  if (status === 'paused') return 'Paused: told to take no samples';
  const [error] = host.errors;
  if (error !== undefined) {
    const names = new Set(host.errors.map(({ collector }) => collector));
    return names.size === 1
      ? `1 collector fails: ${error.collector}, ${error.message}`
      : `${names.size} collectors fail: ${[...names].join(', ')}`;
  }
  return whatItIs(host);
}

/** "Debian GNU/Linux 12, 4 threads"; of a host with GPUs what these do, which is why it is there. */
export function whatItIs(host: HostSummary): string {
  if (host.gpu !== null) return gpuWords(host.gpu);
  const threads = host.n_cpus === null ? null : count(host.n_cpus, 'thread');
  return [host.os ?? 'Linux', threads, host.mock ? 'replayed' : null].filter((part) => part !== null).join(', ');
}

export type Cell = 'cpu' | 'memory' | 'disk' | 'temperature';
const CELL_OF: Readonly<Record<string, Cell>> = { cpu: 'cpu', mem: 'memory', swap: 'memory', disk: 'disk', temp: 'temperature' };

/** Which cells of a host are to blame, by the measurements of the rules that fire there, and how badly. */
export function guiltyCells(alerts: readonly Alert[]): Readonly<Partial<Record<Cell, 'warn' | 'crit'>>> {
  const guilty: Partial<Record<Cell, 'warn' | 'crit'>> = {};
  for (const { measurement, severity } of alerts) {
    const cell = CELL_OF[measurement ?? ''];
    if (cell === undefined || severity === 'info' || guilty[cell] === 'crit') continue;
    guilty[cell] = severity === 'critical' ? 'crit' : 'warn';
  }
  return guilty;
}

const COLLECTOR_OF: Readonly<Record<Cell, string>> = { cpu: 'cpu', memory: 'mem', disk: 'disk', temperature: 'temp' };

/** A cell without a value: "no data" if its collector failed, a dash if there is no such thing. */
export function missing(host: HostSummary, cell: Cell): 'no data' | null {
  return host.errors.some(({ collector }) => collector === COLLECTOR_OF[cell]) ? 'no data' : null;
}
