import type { FieldValue, Row } from '@hostwire/model';
import type { HostSummaryBody } from '../api/schemas.ts';
import { gpuSummary } from './gpus.ts';
import type { HostLive } from './host-live.ts';

type AlertCount = HostSummaryBody['alerts'];

/** What a card of the fleet page shows, out of the newest rows. What is not known is null. */
export function summaryOf(live: HostLive, now: number, alerts: AlertCount): HostSummaryBody {
  const { info } = live;
  const rows = (measurement: string): readonly Row[] => live.latest(measurement)?.rows ?? [];
  const system = rows('system').find((row) => row.fields['load1'] !== undefined);
  const cpu = rows('cpu').find((row) => row.tags?.['cpu'] === 'cpu-total');
  return {
    host: live.host,
    group: live.group,
    labels: { ...live.labels },
    state: live.state,
    gateway: live.gateway,
    late: live.isLate(now),
    degraded: live.state === 'online' && live.errors().length > 0,
    paused: live.isPaused,
    last_seen: live.lastSeenAt,
    interval: live.interval,
    mock: info?.mock === true,
    os: info?.os ?? null,
    kernel: info?.kernel ?? null,
    arch: info?.arch ?? null,
    cpu_model: info?.cpu_model ?? null,
    agent_version: info?.agent_version ?? null,
    n_cpus: info?.n_cpus ?? firstNumber(rows('system'), 'n_cpus'),
    uptime: firstNumber(rows('system'), 'uptime'),
    cpu: number(cpu?.fields['usage_active']),
    memory: level(rows('mem')[0]),
    swap: level(rows('swap')[0]),
    disk: fullestDisk(rows('disk')),
    storage: storage(rows('disk')),
    load: system === undefined ? null : loads(system),
    network: network(live.rates('net')),
    temperature: hottest(rows('temp')),
    gpu: gpuSummary(rows),
    errors: live.errors().map(({ collector, code, message }) => ({ collector, code, message })),
    alerts,
    conflict: live.conflict === null ? null : { since: live.conflict.since, runs: [...live.conflict.runs] },
  };
}

function number(value: FieldValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}

function firstNumber(rows: readonly Row[], field: string): number | null {
  for (const row of rows) {
    const value = number(row.fields[field]);
    if (value !== null) return value;
  }
  return null;
}

function level(row: Row | undefined): HostSummaryBody['memory'] {
  return { percent: number(row?.fields['used_percent']), used: number(row?.fields['used']), total: number(row?.fields['total']) };
}

function loads(row: Row): number[] | null {
  const values = ['load1', 'load5', 'load15'].map((field) => number(row.fields[field]));
  return values.every((value) => value !== null) ? values : null;
}

function fullestDisk(rows: readonly Row[]): HostSummaryBody['disk'] {
  let fullest: HostSummaryBody['disk'] = null;
  for (const { tags, fields } of rows) {
    const [percent, used, total] = [number(fields['used_percent']), number(fields['used']), number(fields['total'])];
    if (percent === null || used === null || total === null || total === 0) continue;
    if (fullest === null || percent > fullest.percent) fullest = { path: tags?.['path'] ?? '', percent, used, total };
  }
  return fullest;
}

/** A file system that is mounted twice counts once. */
function storage(rows: readonly Row[]): HostSummaryBody['storage'] {
  const volumes = new Map<string, { used: number; free: number; total: number }>();
  for (const { tags, fields } of rows) {
    const [used, free, total] = [number(fields['used']), number(fields['free']), number(fields['total'])];
    if (used !== null && free !== null && total !== null) volumes.set(`${tags?.['device']} ${total} ${used}`, { used, free, total });
  }
  if (volumes.size === 0) return { used: null, free: null, total: null };
  let [used, free, total] = [0, 0, 0];
  for (const volume of volumes.values()) {
    used += volume.used;
    free += volume.free;
    total += volume.total;
  }
  return { used, free, total };
}

function network(rates: readonly Row[]): HostSummaryBody['network'] {
  const sum = { in: 0, out: 0 };
  let isKnown = false;
  for (const { tags, fields } of rates) {
    const [received, sent] = [number(fields['bytes_recv']), number(fields['bytes_sent'])];
    if (tags?.['interface'] === 'lo' || (received === null && sent === null)) continue;
    isKnown = true;
    sum.in += received ?? 0;
    sum.out += sent ?? 0;
  }
  return isKnown ? sum : null;
}

/** No collector tells limits yet, so the hottest stands for the nearest to its limit. */
function hottest(rows: readonly Row[]): HostSummaryBody['temperature'] {
  let best: HostSummaryBody['temperature'] = null;
  for (const { tags, fields } of rows) {
    const celsius = number(fields['temp']);
    if (celsius !== null && celsius > (best?.celsius ?? Number.NEGATIVE_INFINITY))
      best = { sensor: tags?.['sensor'] ?? '', celsius, limit: null };
  }
  return best;
}
