import type { Fields, Row, Sample } from '@hostwire/model';

/** Values and rows of one sample of a simulated host: those of a small server with 4 cores, 4 file systems and 2 disks. */
export const VALUES_PER_SAMPLE = 112;
export const ROWS_PER_SAMPLE = 20;

/**
 * A host whose values move as real ones do: percentages of three decimals that wander, counters that grow by uneven steps,
 * sizes that seldom change. Deterministic for a seed.
 */
export function simulatedHost(
  host: string,
  { run = 'bench', interval = 10, catalog = '', seed = 1 }: { run?: string; interval?: number; catalog?: string; seed?: number } = {},
): { next(time: number): Sample } {
  const random = generator(seed);
  const walks = new Map<string, number>();
  const wander = (key: string, low: number, high: number, stride: number): number => {
    const from = walks.get(key) ?? low + random() * (high - low);
    const to = Math.min(high, Math.max(low, from + (random() - 0.5) * stride));
    walks.set(key, to);
    return Math.round(to * 1000) / 1000;
  };
  const count = (key: string, perSample: number): number => {
    const value = (walks.get(key) ?? Math.floor(random() * 1e9)) + Math.floor(random() * 2 * perSample);
    walks.set(key, value);
    return value;
  };
  let seq = 0;
  let uptime = 100_000;
  return {
    next(time) {
      seq++;
      uptime += interval;
      const used = Math.round(wander('mem', 2, 14, 0.2) * 2 ** 30);
      return {
        v: 1,
        host,
        tier: 'fast',
        run,
        seq,
        time,
        interval,
        catalog,
        data: {
          cpu: ['cpu-total', 'cpu0', 'cpu1', 'cpu2', 'cpu3'].map((cpu) => cpuRow(cpu, wander(cpu, 1, 60, 6), wander(`${cpu}s`, 1, 20, 2))),
          mem: [{ fields: memory(used) }],
          swap: [{ fields: { total: 4 * 2 ** 30, used: 0, free: 4 * 2 ** 30, used_percent: 0 } }],
          system: [
            {
              fields: {
                load1: wander('load1', 0, 8, 0.4),
                load5: wander('load5', 0, 6, 0.1),
                load15: wander('load15', 0, 5, 0.05),
                n_cpus: 4,
                uptime,
              },
            },
          ],
          disk: ['/', '/var', '/data', '/boot'].map((path, i) =>
            diskRow(path, `sda${i + 1}`, Math.round(wander(path, 20, 90, 0.05) * 2 ** 30)),
          ),
          diskio: ['sda', 'nvme0n1'].map((name) => ({
            tags: { name },
            fields: {
              reads: count(`${name}r`, 40),
              writes: count(`${name}w`, 90),
              read_bytes: count(`${name}rb`, 400_000),
              write_bytes: count(`${name}wb`, 900_000),
              io_time: count(`${name}t`, 300),
              io_await: wander(`${name}a`, 0, 20, 2),
              io_util: wander(`${name}u`, 0, 80, 8),
            },
          })),
          net: ['eth0', 'wg0'].map((name) => ({
            tags: { interface: name },
            fields: {
              bytes_recv: count(`${name}rx`, 2_000_000),
              bytes_sent: count(`${name}tx`, 700_000),
              packets_recv: count(`${name}rp`, 2000),
              packets_sent: count(`${name}tp`, 900),
              err_in: 0,
              drop_in: 0,
            },
          })),
          processes: [{ fields: { total: Math.round(wander('processes', 180, 260, 4)) } }],
          temp: ['coretemp_core_0', 'nvme_composite'].map((sensor) => ({
            tags: { sensor },
            fields: { temp: Math.round(wander(sensor, 30, 80, 1)) },
          })),
          agent: [{ tags: { tier: 'fast' }, fields: { run, seq } }],
        },
      };
    },
  };
}

function cpuRow(cpu: string, user: number, system: number): Row {
  const active = Math.round((user + system) * 1000) / 1000;
  return {
    tags: { cpu },
    fields: {
      usage_active: active,
      usage_user: user,
      usage_system: system,
      usage_idle: Math.round((100 - active) * 1000) / 1000,
      usage_nice: 0,
      usage_iowait: Math.round(system * 40) / 1000,
      usage_softirq: Math.round(system * 20) / 1000,
      usage_steal: 0,
    },
  };
}

function memory(used: number): Fields {
  const total = 16 * 2 ** 30;
  return {
    total,
    used,
    available: total - used,
    free: Math.round((total - used) / 3),
    cached: Math.round((total - used) / 2),
    buffered: 300_000_000,
    shared: 90_000_000,
    slab: 800_000_000,
    active: Math.round(used * 0.6),
    inactive: Math.round(used * 0.3),
    dirty: used % 1_000_000,
    used_percent: Math.round((used / total) * 100_000) / 1000,
  };
}

function diskRow(path: string, device: string, used: number): Row {
  const total = 100 * 2 ** 30;
  return {
    tags: { device, fstype: 'ext4', mode: 'rw', path },
    fields: {
      total,
      used,
      free: total - used,
      used_percent: Math.round((used / total) * 100_000) / 1000,
      inodes_used_percent: Math.round((used / total) * 30_000) / 1000,
    },
  };
}

/** xorshift32: small, fast, and the same on every machine. */
function generator(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
