import type { MomentBody } from '../../server/src/api/moment-schemas.ts';
import type { HostDetailBody, HostSummaryBody } from '../../server/src/api/schemas.ts';
import { STORY_ENGINE } from './story-containers.ts';
import { STORY_DISKS, STORY_GPUS } from './story-hardware.ts';
import { measurements } from './story-series.ts';

type Row = HostDetailBody['latest'][string]['rows'][number];
const COUNTERS: Readonly<Record<string, readonly string[]>> = {
  diskio: ['read_bytes', 'write_bytes'],
  net: ['bytes_recv', 'bytes_sent', 'err_in', 'drop_in'],
};

const PROCESSES: readonly (readonly [name: string, user: string, pid: number, cpu: number, rss: number])[] = [
  ['python3', 'mira', 4120, 214, 3.66e9],
  ['restic', 'backup', 9120, 86.2, 0.66e9],
  ['ollama', 'ollama', 811, 41.2, 6.9e9],
  ['postgres', 'postgres', 1200, 9.31, 2.22e9],
  ['node', 'mira', 5310, 4.12, 0.76e9],
  ['dockerd', 'root', 702, 3.88, 0.2e9],
  ['<b>evil</b>', 'root', 666, 2.04, 21e6],
  ['sshd', 'root', 1, 0.4, 14e6],
];

/** The newest rows of a host, and its counters as change per second. */
export function storyRows(host: HostSummaryBody, now: number): { latest: Record<string, Row[]>; rates: Record<string, Row[]> } {
  const latest: Record<string, Row[]> = {};
  const rates: Record<string, Row[]> = {};
  for (const [name, { tags, fields }] of Object.entries(measurements(now))) {
    const counters = COUNTERS[name] ?? [];
    const rows = tags(host).map((own) => ({
      own,
      values: Object.entries(fields).map(([field, value]) => [field, Math.round(value(host, own, now) * 1000) / 1000] as const),
    }));
    latest[name] = rows.map(({ own, values }) => ({
      tags: own,
      fields: Object.fromEntries(values.map(([field, value]) => [field, counters.includes(field) ? Math.round(value * 1e5) : value])),
    }));
    if (counters.length > 0)
      rates[name] = rows.map(({ own, values }) => ({
        tags: own,
        fields: Object.fromEntries(values.filter(([field]) => counters.includes(field))),
      }));
  }
  latest['process_top'] = (['cpu', 'memory'] as const).flatMap((by) =>
    [...PROCESSES]
      .sort((a, b) => (by === 'cpu' ? b[3] - a[3] : b[4] - a[4]))
      .map(([process_name, user, pid, cpu_usage, memory_rss], index) => ({
        tags: { by, rank: String(index + 1) },
        fields: { process_name, user, pid, cpu_usage, memory_rss },
      })),
  );
  for (const row of latest['temp'] ?? [])
    if (row.tags['sensor'] === host.temperature?.sensor) row.fields['crit'] = host.temperature?.limit ?? null;
  return { latest, rates };
}

/** What ran on a host at a moment: gpu-box was down for a while, an hour ago. */
export function storyMoment(host: HostSummaryBody, at: number, now: number): MomentBody {
  const sampledAt = Math.floor(at / 5000) * 5000;
  const gap = { from: now - 70 * 60_000, to: now - 60 * 60_000 };
  if (at > gap.from && at < gap.to) return { at, time: null, before: gap.from, after: gap.to, total: null, processes: [] };
  const rows = storyRows(host, at).latest['process_top'] ?? [];
  return {
    ...{ at, time: sampledAt, before: sampledAt - 5000, after: sampledAt + 5000 > now ? null : sampledAt + 5000, total: 412 },
    processes: rows.map(({ tags, fields }) => ({
      by: tags['by'] === 'cpu' ? 'cpu' : 'memory',
      rank: Number(tags['rank']),
      name: String(fields['process_name']),
      user: String(fields['user']),
      pid: Number(fields['pid']),
      cpu: Number(fields['cpu_usage']),
      memory: Number(fields['memory_rss']),
      gpu_memory: null,
    })),
  };
}

export function storyDetail(summary: HostSummaryBody, now: number): HostDetailBody {
  const time = summary.last_seen ?? now;
  const { latest, rates } = storyRows(summary, time);
  if (summary.host === 'gpu-box') Object.assign(latest, { docker: [STORY_ENGINE], ...STORY_GPUS, ...STORY_DISKS });
  return {
    summary,
    info: {
      agent_version: '0.1.0',
      hostname: summary.host,
      os: summary.os,
      kernel: summary.kernel,
      cpu_model: summary.cpu_model,
      n_cpus: summary.n_cpus,
      mem_total: summary.memory.total,
      user: 'hostwire',
      groups: ['hostwire', 'disk'],
      intervals: { fast: 5, medium: 300, slow: 1800 },
    },
    capabilities: {
      ...Object.fromEntries(
        ['cpu', 'mem', 'swap', 'system', 'kernel', 'pressure', 'processes', 'process_top', 'disk', 'diskio', 'net', 'netstat', 'temp'].map(
          (name) => [name, { available: true }],
        ),
      ),
      smartctl: { available: false, reason: 'permission denied on /dev/nvme0', hint: 'sudo setcap cap_sys_rawio+ep /usr/sbin/smartctl' },
    },
    latest:
      summary.state === 'never_connected'
        ? {}
        : Object.fromEntries(
            Object.entries(latest).map(([name, rows]) => [name, { time, tier: name === 'disk' ? 'medium' : 'fast', rows }]),
          ),
    rates: summary.state === 'never_connected' ? {} : rates,
  };
}

/** A catalog of what the story measures. */
export function storyCatalog(now: number) {
  const unit = (name: string, field: string): string => {
    if (name === 'temp') return 'celsius';
    if (/percent|usage_|avg|util/.test(field)) return 'percent';
    if (/bytes|^used$|^total$|^free$|^available$/.test(field) && name !== 'processes') return 'bytes';
    return field === 'io_await' ? 'ms' : '1';
  };
  const tags: Readonly<Record<string, Record<string, string>>> = {
    cpu: { cpu: 'core, or cpu-total' },
    disk: { path: 'mount point', device: 'block device', fstype: 'file system', mode: 'rw or ro' },
    diskio: { name: 'block device' },
    net: { interface: 'network interface' },
    pressure: { resource: 'cpu, memory or io', type: 'some or full' },
    temp: { sensor: 'chip and label' },
  };
  return {
    hash: '9f31c2',
    measurements: Object.fromEntries(
      Object.entries(measurements(now)).map(([name, { fields }]) => [
        name,
        {
          help: `What ${name} says, from /proc.`,
          collector: name,
          tier: name === 'disk' ? 'medium' : 'fast',
          tags: tags[name] ?? {},
          fields: Object.fromEntries(
            Object.keys(fields).map((field) => [
              field,
              {
                type: 'float',
                unit: unit(name, field),
                kind: COUNTERS[name]?.includes(field) ? 'counter' : 'gauge',
                help: `${field} of ${name}.`,
              },
            ]),
          ),
        },
      ]),
    ),
  };
}
