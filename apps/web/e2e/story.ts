import type { AlertBody, HostSummaryBody } from '../../server/src/api/schemas.ts';

/**
 * The story that the design's mockups tell, as data: one host too hot, one silent, one whose disk fills, and eleven
 * that are well; beside them the states that are rare (late, never connected, a failing collector).
 */

const GIB = 1024 ** 3;
const TIB = 1024 ** 4;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Character {
  readonly name: string;
  readonly os: string;
  readonly cpu: number;
  readonly memory: number;
  readonly disk: readonly [path: string, percent: number, bytes: number];
  readonly temperature?: readonly [sensor: string, celsius: number, limit?: number];
  readonly in: number;
  readonly out: number;
  readonly load: number;
  readonly threads: number;
  readonly ram: number;
  readonly up: number;
  readonly age: number;
  readonly change?: Partial<HostSummaryBody>;
}

const CAST: readonly Character[] = [
  {
    name: 'gpu-box',
    os: 'Ubuntu 24.04.2 LTS',
    cpu: 34.8,
    memory: 61.2,
    disk: ['/data', 71.8, 7.27 * TIB],
    temperature: ['k10temp_tctl', 91, 90],
    in: 1.24e6,
    out: 310e3,
    load: 14.2,
    threads: 48,
    ram: 128,
    up: 9 * HOUR,
    age: 3,
  },
  {
    name: 'pi-02',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 6.1,
    memory: 44.8,
    disk: ['/', 52.3, 29 * GIB],
    temperature: ['cpu_thermal', 54, 85],
    in: 42e3,
    out: 18e3,
    load: 0.31,
    threads: 4,
    ram: 4,
    up: 30 * DAY,
    age: 38 * 60,
    change: { state: 'offline' },
  },
  {
    name: 'nas',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 12.4,
    memory: 71.6,
    disk: ['/tank', 91.4, 43.6 * TIB],
    temperature: ['drivetemp', 43, 60],
    in: 112e6,
    out: 3.42e6,
    load: 2.14,
    threads: 8,
    ram: 32,
    up: 88 * DAY,
    age: 2,
  },
  {
    name: 'docker-1',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 41.7,
    memory: 78.3,
    disk: ['/var', 63.9, 468 * GIB],
    temperature: ['coretemp_package_id_0', 58, 100],
    in: 18.6e6,
    out: 24.1e6,
    load: 3.42,
    threads: 12,
    ram: 64,
    up: 41 * DAY,
    age: 1,
  },
  {
    name: 'pve2',
    os: 'Proxmox VE 8.4',
    cpu: 28.6,
    memory: 82.9,
    disk: ['/rpool', 74.2, 1.81 * TIB],
    temperature: ['k10temp_tctl', 67, 95],
    in: 8.71e6,
    out: 5.13e6,
    load: 6.07,
    threads: 32,
    ram: 128,
    up: 23 * DAY,
    age: 4,
  },
  {
    name: 'pve1',
    os: 'Proxmox VE 8.4',
    cpu: 22.3,
    memory: 68.4,
    disk: ['/rpool', 57.1, 1.81 * TIB],
    temperature: ['coretemp_package_id_0', 52, 100],
    in: 14.2e6,
    out: 9.64e6,
    load: 4.88,
    threads: 24,
    ram: 96,
    up: 23 * DAY,
    age: 2,
  },
  {
    name: 'db-1',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 18.9,
    memory: 74,
    disk: ['/var/lib', 66.8, 930 * GIB],
    temperature: ['coretemp_package_id_0', 49, 100],
    in: 6.02e6,
    out: 11.8e6,
    load: 1.97,
    threads: 16,
    ram: 64,
    up: 112 * DAY,
    age: 3,
  },
  {
    name: 'web-1',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 14.2,
    memory: 38.6,
    disk: ['/', 41.3, 78 * GIB],
    in: 21.4e6,
    out: 38.7e6,
    load: 0.94,
    threads: 8,
    ram: 16,
    up: 64 * DAY,
    age: 1,
  },
  {
    name: 'pve3',
    os: 'Proxmox VE 8.4',
    cpu: 11.8,
    memory: 54.9,
    disk: ['/rpool', 48, 930 * GIB],
    temperature: ['coretemp_package_id_0', 45, 100],
    in: 3.87e6,
    out: 2.05e6,
    load: 2.61,
    threads: 12,
    ram: 64,
    up: 9 * DAY,
    age: 5,
  },
  {
    name: 'web-2',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 9.71,
    memory: 35.2,
    disk: ['/', 39.9, 78 * GIB],
    in: 11.9e6,
    out: 20.3e6,
    load: 0.58,
    threads: 8,
    ram: 16,
    up: 64 * DAY,
    age: 2,
  },
  {
    name: 'pi-01',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 8.35,
    memory: 51.4,
    disk: ['/', 34.7, 58 * GIB],
    temperature: ['cpu_thermal', 56, 85],
    in: 212e3,
    out: 148e3,
    load: 0.42,
    threads: 4,
    ram: 8,
    up: 30 * DAY,
    age: 4,
    change: { late: false },
  },
  {
    name: 'docker-2',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 7.64,
    memory: 46.1,
    disk: ['/', 55.2, 234 * GIB],
    temperature: ['coretemp_package_id_0', 44, 100],
    in: 2.31e6,
    out: 1.78e6,
    load: 0.71,
    threads: 8,
    ram: 32,
    up: 41 * DAY,
    age: 3,
  },
  {
    name: 'backup',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 4.12,
    memory: 22.7,
    disk: ['/backup', 83.6, 21.8 * TIB],
    temperature: ['drivetemp', 38, 60],
    in: 640e3,
    out: 95e3,
    load: 0.22,
    threads: 4,
    ram: 8,
    up: 23 * DAY,
    age: 2,
  },
  {
    name: 'pi-03',
    os: 'Debian GNU/Linux 12 (bookworm)',
    cpu: 3.27,
    memory: 29.8,
    disk: ['/', 28.1, 29 * GIB],
    temperature: ['cpu_thermal', 49, 85],
    in: 31e3,
    out: 22e3,
    load: 0.12,
    threads: 4,
    ram: 2,
    up: 30 * DAY,
    age: 5,
  },
];

/** The mockups' groups; the rare hosts are in none. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  GPU: ['gpu-box'],
  Storage: ['nas', 'backup'],
  Pi: ['pi-01', 'pi-02', 'pi-03'],
  Proxmox: ['pve1', 'pve2', 'pve3'],
  Docker: ['docker-1', 'docker-2'],
  Web: ['db-1', 'web-1', 'web-2'],
};

/** Hosts in states that the story itself does not have. */
const RARE: readonly Character[] = [
  { ...(CAST[9] as Character), name: 'pi-05', age: 135, change: { late: true } },
  { ...(CAST[9] as Character), name: 'pi-06', age: 0, change: { state: 'never_connected', last_seen: null } },
  {
    ...(CAST[9] as Character),
    name: 'docker-3',
    age: 3,
    change: { disk: null, errors: [{ collector: 'disk', code: 'timeout', message: 'statfs /mnt: no answer in 10 s' }] },
  },
];

export const FIRING_SINCE = 9 * MINUTE;

export function storyHosts(now: number, rare = false, conflict = false): HostSummaryBody[] {
  return [...CAST, ...(rare ? RARE : [])].map((who) => {
    const [path, percent, size] = who.disk;
    const firing = storyAlerts(now, conflict).filter((alert) => alert.host === who.name && alert.state === 'firing');
    const ram = who.ram * GIB;
    return {
      host: who.name,
      group: Object.entries(GROUPS).find(([, names]) => names.includes(who.name))?.[0] ?? null,
      labels: who.name === 'gpu-box' ? { site: 'home', rack: 'row 2' } : {},
      state: 'online',
      gateway: null,
      degraded: false,
      late: false,
      last_seen: now - who.age * 1000,
      interval: 5,
      mock: false,
      os: who.os,
      kernel: '6.8.0-58-generic',
      arch: 'x86_64',
      cpu_model: 'AMD Ryzen Threadripper 3960X 24-Core Processor',
      agent_version: '0.1.0',
      n_cpus: who.threads,
      uptime: who.up / 1000,
      cpu: who.cpu,
      memory: { percent: who.memory, used: (ram * who.memory) / 100, total: ram },
      swap: { percent: 1.2, used: 0.1 * GIB, total: 8 * GIB },
      disk: { path, percent, used: (size * percent) / 100, total: size },
      storage: { used: (size * percent) / 100, free: (size * (100 - percent)) / 100, total: size },
      load: [who.load, who.load * 0.9, who.load * 0.8],
      network: { in: who.in, out: who.out },
      temperature:
        who.temperature === undefined
          ? null
          : { sensor: who.temperature[0], celsius: who.temperature[1], limit: who.temperature[2] ?? null },
      gpu:
        who.name === 'gpu-box'
          ? {
              ...{ count: 2, utilization: 98, temperature: { celsius: 91, limit: 90 } },
              memory: { percent: 93.5, used: 44.9 * GIB, total: 48 * GIB },
              power: { draw: 649, limit: 700 },
            }
          : null,
      errors: [],
      alerts: {
        critical: firing.filter(({ severity }) => severity === 'critical').length,
        warning: firing.filter(({ severity }) => severity === 'warning').length,
        info: 0,
      },
      conflict: conflict && who.name === 'docker-1' ? { since: now - 4 * MINUTE, runs: ['k3v9q0', 'm8t2zd'] } : null,
      ...who.change,
    };
  });
}

export function storyAlerts(now: number, conflict = false): AlertBody[] {
  const alert = (id: string, host: string, change: Partial<AlertBody>): AlertBody => ({
    id,
    rule: 'high_temp',
    host,
    severity: 'critical',
    state: 'firing',
    labels: {},
    summary: '',
    measurement: null,
    field: null,
    where: {},
    value: null,
    threshold: null,
    unit: null,
    since: now - FIRING_SINCE - 5 * MINUTE,
    fired_at: now - FIRING_SINCE,
    resolved_at: null,
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    ...change,
  });
  const clone = alert('a6', 'docker-1', {
    rule: 'identity_conflict',
    severity: 'warning',
    summary: 'Two agents run as docker-1: k3v9q0 and, newer, m8t2zd. Give one of them a host id and token of its own.',
    since: now - 4 * MINUTE,
    fired_at: now - 4 * MINUTE,
  });
  return [
    ...(conflict ? [clone] : []),
    alert('a1', 'gpu-box', {
      summary: 'k10temp_tctl at 91 \u00b0C, limit 90 \u00b0C',
      value: 91,
      threshold: 90,
      unit: 'celsius',
      measurement: 'temp',
      field: 'temp',
      where: { sensor: 'k10temp_tctl' },
    }),
    alert('a2', 'pi-02', {
      rule: 'host_offline',
      summary: 'Host offline, no data for 38m',
      since: now - 38 * MINUTE,
      fired_at: now - 37 * MINUTE,
      value: 2280,
      threshold: 90,
      unit: 's',
    }),
    alert('a3', 'nas', {
      rule: 'disk_full',
      severity: 'warning',
      summary: '/tank 91.4 % used, limit 90 %',
      ...{ measurement: 'disk', field: 'used_percent', where: { path: '/tank' } },
      value: 91.4,
      threshold: 90,
      unit: 'percent',
      fired_at: now - 5 * HOUR,
    }),
    alert('a4', 'pve2', {
      rule: 'high_cpu',
      severity: 'warning',
      state: 'pending',
      summary: 'CPU 92.3 %, limit 90 %',
      ...{ measurement: 'cpu', field: 'usage_active', where: { cpu: 'cpu-total' } },
      value: 92.3,
      threshold: 90,
      unit: 'percent',
      since: now - 3 * MINUTE,
      fired_at: null,
    }),
    alert('a5', 'gpu-box', {
      rule: 'high_cpu',
      severity: 'warning',
      state: 'resolved',
      summary: 'CPU 97.1 %, limit 90 %',
      ...{ measurement: 'cpu', field: 'usage_active', where: { cpu: 'cpu-total' } },
      value: 97.1,
      threshold: 90,
      unit: 'percent',
      fired_at: now - 7 * HOUR,
      since: now - 7 * HOUR,
      resolved_at: now - 6.4 * HOUR,
    }),
  ];
}
