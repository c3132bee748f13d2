import { describe, expect, it } from 'vitest';
import type { Row } from '../api/types.ts';
import { gpusOf, heatOf } from './gpus.ts';
import { detailOf as detail, row } from './rows.testkit.ts';

describe('the GPUs of a host', () => {
  it('are those of every vendor, in the order of their index, memory in bytes', () => {
    const gpus = gpusOf(
      detail({
        nvidia_smi: [
          row({ index: '10', name: 'NVIDIA H100' }, {}),
          row(
            { index: '2', name: 'NVIDIA GeForce RTX 3090' },
            { memory_used: 1024, memory_total: 24_576, power_draw: 312.5, power_limit: 350 },
          ),
        ],
        amd_rocm_smi: [row({ name: 'card0' }, { card_series: 'Instinct MI100', memory_used: 5e9, temperature_sensor_edge: 41 })],
        intel_gpu: [row({ name: 'card1' }, { fan_speed_rpm: 1200 })],
      }),
    );
    expect(gpus.map(({ index, name }) => [index, name])).toEqual([
      ['2', 'RTX 3090'],
      ['10', 'H100'],
      ['0', 'Instinct MI100'],
      ['0', 'Intel card1'],
    ]);
    expect(gpus[0]).toMatchObject({ memory: { used: 2 ** 30, total: 24 * 2 ** 30 }, power: { draw: 312.5, limit: 350 } });
    expect(gpus[2]).toMatchObject({ memory: { used: 5e9, total: null }, temperature: 41 });
    expect(gpus[3]).toMatchObject({ fan: { rpm: 1200 }, utilization: null });
  });

  it('have their own processes, with the session or the container that they are in', () => {
    const on = (vendor: string, gpu: string, rank: string, fields: Row['fields']) => row({ vendor, gpu, rank }, fields);
    const [first] = gpusOf(
      detail({
        nvidia_smi: [row({ index: '0' }, {})],
        gpu_process: [
          on('nvidia', '0', '10', { process_name: 'third', pid: 3 }),
          on('nvidia', '0', '2', { process_name: 'ollama', container: 'llm', memory_used: '9007199254740993' }),
          on('nvidia', '0', '1', { process_name: '/usr/bin/python3', user: 'mira', session: 'mira:a:b' }),
          on('nvidia', '1', '1', { process_name: 'elsewhere' }),
          on('amd', '0', '1', { process_name: 'elsewhere' }),
        ],
      }),
    );
    expect(first?.processes.map(({ name }) => name)).toEqual(['python3', 'ollama', 'third']);
    expect(first?.processes[0]).toMatchObject({ user: 'mira', session: { user: 'mira', name: 'a:b' }, container: null });
    expect(first?.processes[1]).toMatchObject({ session: null, container: 'llm', memory: 9_007_199_254_740_992 });
  });

  it('say why they are slower than they could be, once', () => {
    const fields = {
      clocks_event_reason_hw_thermal_slowdown: 1,
      clocks_event_reason_sw_thermal_slowdown: 1,
      clocks_event_reason_sw_power_cap: 0,
    };
    expect(gpusOf(detail({ nvidia_smi: [row({ index: '0' }, fields)] }))[0]?.slowed).toEqual(['slowed by its heat']);
  });

  it('are none where none is read', () => {
    expect(gpusOf(null)).toEqual([]);
    expect(gpusOf(detail({}))).toEqual([]);
  });
});

describe('the heat of a GPU', () => {
  const heat = (fields: Row['fields']): string => {
    const [gpu] = gpusOf(detail({ nvidia_smi: [row({ index: '0' }, fields)] }));
    return gpu === undefined ? '' : heatOf(gpu).words;
  };

  it('is measured by the limits that it tells of, else by usual ones', () => {
    expect(heat({ temperature_gpu: 79 })).toBe('OK');
    expect(heat({ temperature_gpu: 80 })).toBe('Hot');
    expect(heat({ temperature_gpu: 90 })).toBe('Too hot');
    expect(heat({ temperature_gpu: 84, temperature_slow_threshold: 95 })).toBe('OK');
    expect(heat({ temperature_gpu: 94, temperature_slow_threshold: 95 })).toBe('Hot');
    expect(heat({ temperature_gpu: 95, temperature_slow_threshold: 95 })).toBe('Too hot');
    expect(heat({ temperature_gpu: 70, temperature_gpu_tlimit: 17 })).toBe('OK');
    expect(heat({ temperature_gpu: 70, temperature_gpu_tlimit: 0 })).toBe('Too hot');
    expect(heat({})).toBe('No temperature');
  });
});
