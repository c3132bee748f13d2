import type { Alert, HostSummary } from '../api/types.ts';
import { type FleetLines, NO_LINE } from './fleet-lines.ts';

/** A host that is well, with what a test changes. */
export function aHost(change: Partial<HostSummary> = {}): HostSummary {
  return {
    host: 'web-1',
    group: null,
    labels: {},
    state: 'online',
    gateway: null,
    degraded: false,
    late: false,
    paused: false,
    last_seen: Date.now() - 3000,
    interval: 5,
    mock: false,
    os: 'Debian GNU/Linux 12',
    kernel: '6.1.0',
    arch: 'x64',
    cpu_model: 'AMD EPYC',
    agent_version: '0.1.0',
    n_cpus: 8,
    uptime: 64 * 86_400,
    cpu: 14.2,
    memory: { percent: 38.6, used: 6.2e9, total: 16e9 },
    swap: { percent: 0, used: 0, total: 1e9 },
    disk: { path: '/var', percent: 41.3, used: 4e10, total: 1e11 },
    storage: { used: 4e10, free: 4e10, total: 1e11 },
    load: [0.94, 0.8, 0.7],
    network: { in: 21.4e6, out: 38.7e6 },
    temperature: { sensor: 'coretemp_package_id_0', celsius: 49, limit: 100 },
    gpu: null,
    errors: [],
    alerts: { critical: 0, warning: 0, info: 0 },
    conflict: null,
    ...change,
  };
}

export function anAlert(change: Partial<Alert> = {}): Alert {
  return {
    id: 'a1',
    rule: 'high_cpu',
    host: 'web-1',
    severity: 'critical',
    state: 'firing',
    labels: {},
    summary: 'CPU 97.2 %, limit 90 %',
    measurement: 'cpu',
    field: 'usage_active',
    where: { cpu: 'cpu-total' },
    value: 97.2,
    threshold: 90,
    unit: 'percent',
    since: Date.now() - 600_000,
    fired_at: Date.now() - 540_000,
    resolved_at: null,
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    ...change,
  };
}

const hour = { ...NO_LINE, mean: Array.from({ length: 60 }, (_, i) => 10 + (i % 5)) };
export const someLines: FleetLines = { cpu: () => hour, memory: () => hour, temperature: () => hour };
