import type { ServerBody } from '../api/process-schemas.ts';
import type { AlertBody, ConfigBody, HostSummaryBody } from '../api/schemas.ts';
import type { RunningServer } from './running-server.ts';

/** What a running server is doing, as `hostwire status --json` prints it. Times are ms since the epoch. */
export interface ServerStatus {
  readonly running: true;
  readonly version: string;
  readonly address: string;
  readonly started_at: number;
  readonly processes: readonly {
    readonly instance: string;
    readonly roles: readonly string[];
    readonly version: string;
    readonly started_at: number;
    readonly degraded: readonly string[];
  }[];
  readonly hosts: {
    readonly total: number;
    readonly online: number;
    readonly offline: number;
    readonly never_connected: number;
    readonly unknown: number;
    readonly late: number;
  };
  /** Means since the start of each process. */
  readonly rates: { readonly samples_per_second: number; readonly points_per_second: number; readonly bytes_per_second: number };
  readonly alerts: { readonly firing: number; readonly pending: number };
  /** What is not well: of all processes. */
  readonly degraded: readonly string[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly store: { readonly kind: string; readonly url: string | null; readonly bytes: number | null; readonly series: number | null };
  readonly gaps_24h: number | null;
  readonly dead_letters: number;
  /** Of the process that answers, the newest first. */
  readonly problems: ServerBody['problems'];
}

/** Asks the API. Rejects with an Error that says what to do if it does not answer. */
export async function askStatus(running: RunningServer): Promise<ServerStatus> {
  const [server, { hosts }, config, { alerts }] = await Promise.all([
    running.get<ServerBody>('/api/server'),
    running.get<{ hosts: HostSummaryBody[] }>('/api/hosts'),
    running.get<ConfigBody>('/api/config'),
    running.get<{ alerts: AlertBody[] }>('/api/alerts'),
  ]);
  return statusOf(running.address ?? '', server, hosts, config, alerts);
}

/** The figures of several answers put together. */
export function statusOf(
  address: string,
  server: ServerBody,
  hosts: readonly HostSummaryBody[],
  config: ConfigBody,
  alerts: readonly Pick<AlertBody, 'state'>[],
): ServerStatus {
  const { processes, now, gaps_24h, dead_letters, problems } = server;
  const count = (state: HostSummaryBody['state']): number => hosts.filter((host) => host.state === state).length;
  const alertsIn = (state: AlertBody['state']): number => alerts.filter((alert) => alert.state === state).length;
  const level = (part: string, name: string): number | null => {
    const found = processes.flatMap(({ parts }) => parts[part]?.[name] ?? []);
    return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0);
  };
  const rate = (part: string, name: string): number => {
    const sum = processes.reduce(
      (total, { parts, started_at }) => total + (parts[part]?.[name] ?? 0) / Math.max(1, (now - started_at) / 1000),
      0,
    );
    return Math.round(sum * 100) / 100;
  };
  return {
    running: true,
    version: config.version,
    address,
    started_at: Math.min(...processes.map(({ started_at }) => started_at)),
    processes: processes.map(({ instance, roles, version, started_at, degraded }) => ({ instance, roles, version, started_at, degraded })),
    hosts: {
      total: hosts.length,
      online: count('online'),
      offline: count('offline'),
      never_connected: count('never_connected'),
      unknown: count('unknown'),
      late: hosts.filter(({ late }) => late).length,
    },
    rates: {
      samples_per_second: rate('ingest', 'samples'),
      points_per_second: rate('ingest', 'points'),
      bytes_per_second: rate('broker', 'bytes_received'),
    },
    alerts: { firing: alertsIn('firing'), pending: alertsIn('pending') },
    degraded: [...new Set(processes.flatMap(({ degraded }) => degraded))],
    warnings: config.warnings,
    store: { ...config.store, bytes: level('store', 'file_bytes'), series: level('store', 'series') },
    gaps_24h,
    dead_letters,
    problems,
  };
}
