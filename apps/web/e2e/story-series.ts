import type { HostSummaryBody, SeriesAnswerBody } from '../../server/src/api/schemas.ts';
import { isLost } from './story-server.ts';

/** Series of the story: smooth noise around each host's present values, the same for the same time. */

type Tags = Record<string, string>;
type Value = (host: HostSummaryBody, tags: Tags, time: number) => number;

const HOUR = 3_600_000;

function hash(text: string): number {
  let h = 2_166_136_261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619);
  return (h >>> 0) / 2 ** 32;
}

/** Noise in -1..1 that changes over `period` ms. */
function wave(key: string, time: number, period: number): number {
  const at = time / period;
  const from = Math.floor(at);
  const part = at - from;
  const smooth = part * part * (3 - 2 * part);
  return (hash(`${key} ${from}`) * (1 - smooth) + hash(`${key} ${from + 1}`) * smooth) * 2 - 1;
}
const noise = (key: string, time: number): number =>
  0.6 * wave(key, time, 20 * 60_000) + 0.3 * wave(`${key}.`, time, 180_000) + 0.25 * wave(`${key}..`, time, 20_000);

/** What the story tells of gpu-box: a training run since 06:30 of its time, a backup with I/O six hours ago. */
function busy(host: HostSummaryBody, time: number, now: number): { readonly run: boolean; readonly backup: boolean } {
  const ago = (now - time) / HOUR;
  return { run: host.host === 'gpu-box' && ago < 2.6, backup: ago > 6 && ago < 6.5 };
}

export interface StoryMeasurement {
  readonly tags: (host: HostSummaryBody) => readonly Tags[];
  readonly fields: Readonly<Record<string, Value>>;
}

const none = (): readonly Tags[] => [{}];
const cores = (host: HostSummaryBody): readonly Tags[] => [
  { cpu: 'cpu-total' },
  ...Array.from({ length: Math.min(24, host.n_cpus ?? 4) }, (_, n) => ({ cpu: `cpu${n}` })),
];
const positive = (value: number): number => Math.max(0, value);
const SENSORS: Readonly<Record<string, number>> = { nvme_composite: 49, acpitz: 34, coretemp_core_0: 47, iwlwifi_1: 41 };

export function measurements(now: number): Readonly<Record<string, StoryMeasurement>> {
  const cpu = (host: HostSummaryBody, tags: Tags, time: number): number => {
    const { run, backup } = busy(host, time, now);
    const base = host.host === 'gpu-box' && !run ? 9 : (host.cpu ?? 5);
    if (backup) return Math.min(100, 79 + 3 * noise(host.host + tags['cpu'], time));
    if (tags['cpu'] === 'cpu-total' || tags['cpu'] === undefined) return positive(base * (1 + 0.22 * noise(host.host, time)));
    const core = Number(tags['cpu'].slice(3));
    return run && core < 8 ? 92 + 8 * noise(tags['cpu'], time) : positive(7 + 26 * noise(tags['cpu'], time) ** 3);
  };
  const share =
    (part: number, io: number): Value =>
    (host, tags, time) =>
      cpu(host, tags, time) * (busy(host, time, now).backup ? io : part);
  const memory: Value = (host, _, time) =>
    (host.memory.percent ?? 40) *
    (host.host === 'gpu-box' && !busy(host, time, now).run ? 0.36 : 1) *
    (1 + 0.02 * noise(`${host.host} mem`, time));
  const total = (host: HostSummaryBody): number => host.memory.total ?? 2 ** 34;
  const flow =
    (level: (host: HostSummaryBody) => number, key: string, backup: number): Value =>
    (host, tags, time) =>
      busy(host, time, now).backup
        ? backup * (1 + 0.05 * noise(key, time))
        : positive(level(host) * (1 + 0.6 * noise(key + host.host + JSON.stringify(tags), time)));
  const pressure: Value = (host, tags, time) => {
    const level = { cpu: 2.2, memory: 0.1, io: 0.5 }[tags['resource'] ?? ''] ?? 0;
    return busy(host, time, now).backup && tags['resource'] === 'io'
      ? 34.7 + noise('io', time)
      : positive(level * (1 + 0.7 * noise(`${host.host}${tags['resource']}`, time)));
  };
  return {
    cpu: {
      tags: cores,
      fields: {
        usage_active: cpu,
        usage_user: share(0.72, 0.6),
        usage_system: share(0.2, 0.1),
        usage_iowait: share(0.05, 0.28),
        usage_steal: share(0.003, 0.001),
        usage_nice: share(0.001, 0),
        usage_irq: share(0, 0),
        usage_softirq: share(0.004, 0.002),
      },
    },
    mem: {
      tags: none,
      fields: {
        used_percent: memory,
        used: (host, tags, time) => (total(host) * memory(host, tags, time)) / 100,
        available: (host, tags, time) => (total(host) * (100 - memory(host, tags, time))) / 100,
        free: (host, tags, time) => (total(host) * (100 - memory(host, tags, time))) / 100 - total(host) * 0.21,
        total,
      },
    },
    swap: { tags: none, fields: { used_percent: () => 1.2, used: () => 1.1e8, total: () => 8 * 2 ** 30 } },
    disk: {
      tags: (host) => [
        { path: host.disk?.path ?? '/', device: 'md0', fstype: 'ext4', mode: 'rw' },
        { path: '/boot/efi', device: 'nvme0n1p1', fstype: 'vfat', mode: 'rw' },
        { path: '/home', device: 'nvme1n1p1', fstype: 'xfs', mode: 'rw' },
      ],
      fields: {
        used_percent: (host, tags) => (tags['device'] === 'md0' ? (host.disk?.percent ?? 0) : tags['path'] === '/home' ? 58.6 : 3.1),
        used: (host, tags) =>
          tags['device'] === 'md0' ? (host.disk?.used ?? 0) : tags['path'] === '/home' ? 1.07 * 2 ** 40 : 15.9 * 2 ** 20,
        total: (host, tags) =>
          tags['device'] === 'md0' ? (host.disk?.total ?? 0) : tags['path'] === '/home' ? 1.82 * 2 ** 40 : 511 * 2 ** 20,
        inodes_used_percent: () => 4.2,
      },
    },
    diskio: {
      tags: () => [{ name: 'nvme0n1' }, { name: 'nvme0n1p1' }, { name: 'sda' }],
      fields: {
        read_bytes: flow(() => 19e6, 'r', 410e6),
        write_bytes: flow(() => 12e6, 'w', 34e6),
        io_util: (_, tags, time) => positive(7 + 6 * noise(`u${tags['name']}`, time)),
        io_await: () => 0.8,
      },
    },
    net: {
      tags: () => [{ interface: 'eth0' }, { interface: 'lo' }],
      fields: {
        bytes_recv: flow((host) => host.network?.in ?? 0, 'in', 1.32e6),
        bytes_sent: flow((host) => host.network?.out ?? 0, 'out', 96.7e6),
        err_in: () => 0,
        drop_in: () => 0,
      },
    },
    system: {
      tags: none,
      fields: {
        load1: (host, _, time) => positive((host.load?.[0] ?? 1) * (1 + 0.3 * noise(`${host.host} l`, time))),
        load5: (host) => host.load?.[1] ?? 1,
        load15: (host) => host.load?.[2] ?? 1,
      },
    },
    pressure: { tags: () => ['cpu', 'memory', 'io'].map((resource) => ({ resource, type: 'some' })), fields: { avg10: pressure } },
    processes: {
      tags: none,
      fields: { total: () => 412, running: () => 3, blocked: () => 0, zombies: () => 0, total_threads: () => 2130 },
    },
    temp: {
      tags: (host) => (host.temperature === null ? [] : [host.temperature.sensor, ...Object.keys(SENSORS)].map((sensor) => ({ sensor }))),
      fields: {
        temp: (host, tags, time) => {
          if (tags['sensor'] !== host.temperature?.sensor)
            return (SENSORS[tags['sensor'] ?? ''] ?? 40) + 2 * noise(`${tags['sensor']}`, time);
          const rising = host.host === 'gpu-box' ? Math.max(0, 1 - (now - time) / (0.6 * HOUR)) * 14 : 0;
          const level =
            busy(host, time, now).run || host.host !== 'gpu-box' ? host.temperature.celsius - (host.host === 'gpu-box' ? 14 : 0) : 41;
          return level + rising + 0.8 * noise(`${host.host} t`, time);
        },
      },
    },
  };
}

/** Is there a sample of the host at that time? pi-02 fell silent, gpu-box was rebooted. */
export function sampled(host: HostSummaryBody, time: number, now: number): boolean {
  if (host.state === 'never_connected') return false;
  if (isLost(host.host, time, now)) return false;
  return (host.state === 'online' && !host.late) || time <= (host.last_seen ?? now);
}

export function storySeries(hosts: readonly HostSummaryBody[], query: URLSearchParams, now: number): SeriesAnswerBody {
  const measurement = query.get('measurement') ?? '';
  const field = query.get('field') ?? '';
  const aggregate = query.get('aggregate') ?? 'mean';
  const step = Number.parseInt(query.get('step') ?? '60000', 10);
  const from = Math.floor(Number(query.get('from')) / step) * step;
  const to = Math.min(Number(query.get('to') ?? now), now + step);
  const group = (query.get('group_by') ?? 'host').split(',');
  const names = query.get('host')?.split(',');
  const conditions = (query.get('where') ?? '').split(',').filter(Boolean);
  const fits = (tags: Tags): boolean =>
    conditions.every((condition) => {
      const [name = '', value] = condition.replace(/^!/, '').split(':');
      return (tags[name] === value) !== condition.startsWith('!');
    });
  const times: number[] = [];
  for (let time = from; time < to; time += step) times.push(time);
  const spread = aggregate === 'min' ? -1 : aggregate === 'max' ? 1 : 0;
  const one = measurements(now)[measurement];
  const value = one?.fields[field];
  const series = hosts
    .filter(({ host }) => names === undefined || names.includes(host))
    .flatMap((host) =>
      (one?.tags(host) ?? []).filter(fits).map((tags) => ({
        tags: Object.fromEntries(Object.entries({ ...tags, host: host.host }).filter(([name]) => group.includes(name))),
        values: times.map((time) => {
          if (!sampled(host, time, now) || value === undefined || time > now) return null;
          const mean = value(host, tags, time);
          return (
            Math.round(
              (/^usage_|percent$/.test(field) ? Math.min(100, mean * (1 + spread * 0.12 * hash(`${time}${field}`))) : mean) *
                (/^usage_|percent$/.test(field) ? 1 : 1 + spread * (measurement === 'temp' ? 0.02 : 0.12) * hash(`${time}${field}`)) *
                1000,
            ) / 1000
          );
        }),
      })),
    );
  return { measurement, field, aggregate, step, unit: null, times, series, query: `SELECT ${aggregate}("${field}") FROM "${measurement}"` };
}
