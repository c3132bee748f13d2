import type { HostDetailBody } from '../../server/src/api/schemas.ts';

/** The GPUs and disks of the story's gpu-box. */

type Rows = Readonly<Record<string, HostDetailBody['latest'][string]['rows']>>;
const GIB = 1024 ** 3;

const gpu = (index: number, temperature_gpu: number, used: number, fan_speed: number) => ({
  tags: { index: String(index), name: 'NVIDIA GeForce RTX 3090', uuid: `GPU-${index}` },
  fields: {
    ...{ temperature_gpu, fan_speed, utilization_gpu: 98 - 2 * index, memory_used: Math.round(used * 1024), memory_total: 24_576 },
    ...{ power_draw: 312 + 25 * index, power_limit: 350 },
  },
});
const process = (on: number, rank: number, name: string, user: string, memory: number, more: Readonly<Record<string, string>> = {}) => ({
  tags: { vendor: 'nvidia', gpu: String(on), rank: String(rank) },
  fields: { pid: 4000 + 10 * on + rank, process_name: name, user, type: 'C', memory_used: Math.round(memory * GIB), ...more },
});

export const STORY_GPUS: Rows = {
  nvidia_smi: [gpu(0, 91, 22.8, 100), gpu(1, 74, 22.1, 71)],
  gpu_process: [
    process(0, 1, 'python3', 'mira', 17.2, { session: 'mira:train-llm' }),
    process(0, 2, 'python3', 'mira', 4.1, { session: 'mira:train-old' }),
    process(0, 3, 'ollama', 'ollama', 1.3, { container: 'ollama' }),
    process(1, 1, 'python3', 'mira', 20.7, { session: 'mira:train-llm' }),
    process(1, 2, 'python3', 'mira', 1.22, { session: 'mira:notebook' }),
  ],
};

export const STORY_DISKS: Rows = {
  smartctl: [
    {
      tags: { name: '/dev/nvme0', type: 'nvme', model: 'Samsung SSD 990 PRO 2TB', serial: 'S6Z2NJ0' },
      fields: { health_ok: true, temperature: 47, capacity: 2_000_398_934_016, power_on_hours: 812, percentage_used: 4 },
    },
    {
      tags: { name: '/dev/sda', type: 'sat', model: 'WDC WD120EFBX-68B0EN0', serial: 'D7J3EFGH' },
      fields: { health_ok: true, temperature: 41, capacity: 12_000_138_625_024, power_on_hours: 21_344, pending_sector_count: 8 },
    },
  ],
  mdstat: [
    {
      tags: { Name: 'md0' },
      fields: {
        ...{ ActivityState: 'recovering', Level: 'raid1', Devices: 'sda1,sdb1', DisksActive: 1, DisksTotal: 2, DisksDown: 1 },
        ...{ DisksFailed: 0, DisksSpare: 1, BlocksTotal: 976_630_464, BlocksSyncedPct: 42.3 },
      },
    },
  ],
};
