import type { FieldValue, Row } from '@hostwire/model';
import { describe, expect, it } from 'vitest';
import { gpuSummary } from './gpus.ts';

const GIB = 1024 ** 3;
const summaryOf = (found: Readonly<Record<string, readonly Record<string, FieldValue>[]>>) =>
  gpuSummary((measurement) => (found[measurement] ?? []).map((fields): Row => ({ fields })));

describe('the GPUs of a host', () => {
  it('are summed up over all vendors', () => {
    const nvidia = { utilization_gpu: 98, memory_used: 22 * 1024, memory_total: 24 * 1024, power_draw: 312, power_limit: 350 };
    const amd = { utilization_gpu: 3, memory_used: 2 * GIB, memory_total: 8 * GIB, temperature_sensor_edge: 40 };
    expect(
      summaryOf({
        nvidia_smi: [
          { ...nvidia, temperature_gpu: 91, temperature_slow_threshold: 95 },
          { ...nvidia, power_draw: 300 },
        ],
        amd_rocm_smi: [{ ...amd, temperature_sensor_junction: 44 }],
      }),
    ).toEqual({
      ...{ count: 3, utilization: 98, temperature: { celsius: 91, limit: 95 } },
      memory: { percent: (100 * 46) / 56, used: 46 * GIB, total: 56 * GIB },
      power: { draw: 612, limit: 700 },
    });
  });

  it('have no limit together if one tells none, and no memory where only half of it is known', () => {
    const found = summaryOf({
      nvidia_smi: [{ power_draw: 30, power_limit: 100, memory_used: 5 }],
      amd_rocm_smi: [{ power_draw: 34 }],
      intel_gpu: [{ power_draw: 12.5, power_limit: 100, temperature_gpu: 50 }],
    });
    expect(found).toMatchObject({
      power: { draw: 76.5, limit: null },
      memory: { percent: null, used: null, total: null },
      temperature: { celsius: 50, limit: null },
    });
  });

  it('have the limit of the hottest, also where it tells how much is left until it', () => {
    const nvidia_smi = [
      { temperature_gpu: 70, temperature_gpu_tlimit: 17 },
      { temperature_gpu: 60, temperature_slow_threshold: 61 },
    ];
    expect(summaryOf({ nvidia_smi })?.temperature).toEqual({ celsius: 70, limit: 87 });
  });

  it('are null where there is none, and unknown where one tells nothing', () => {
    expect(summaryOf({})).toBeNull();
    expect(summaryOf({ nvidia_smi: [{}] })).toEqual({
      ...{ count: 1, utilization: null, temperature: null },
      ...{ memory: { percent: null, used: null, total: null }, power: { draw: null, limit: null } },
    });
  });
});
