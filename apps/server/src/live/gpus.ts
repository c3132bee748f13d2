import type { Row } from '@hostwire/model';
import type { HostSummaryBody } from '../api/schemas.ts';
import { numberOf } from './values.ts';

const MIB = 1024 ** 2;

/** What one GPU tells of itself; memory in bytes, power in watts. */
interface GpuFacts {
  readonly utilization: number | null;
  readonly used: number | null;
  readonly total: number | null;
  readonly draw: number | null;
  readonly limit: number | null;
  readonly temperature: { readonly celsius: number; readonly limit: number | null } | null;
}

/** All GPUs of a host in a few figures; null if its newest rows have none. */
export function gpuSummary(rows: (measurement: string) => readonly Row[]): HostSummaryBody['gpu'] {
  const gpus = [...rows('nvidia_smi').map(ofNvidia), ...rows('amd_rocm_smi').map(ofAmd), ...rows('intel_gpu').map(ofIntel)];
  if (gpus.length === 0) return null;
  const most = (values: readonly (number | null)[]): number | null =>
    values.reduce<number | null>((a, b) => (b === null || (a !== null && a >= b) ? a : b), null);
  const sum = (values: readonly (number | null)[]): number | null =>
    values.reduce<number | null>((a, b) => (b === null ? a : (a ?? 0) + b), null);
  // What is used of one says nothing beside the whole of another.
  const told = gpus.filter(({ used, total }) => used !== null && total !== null && total > 0);
  const [used, total] = [sum(told.map((one) => one.used)), sum(told.map((one) => one.total))];
  const drawing = gpus.filter(({ draw }) => draw !== null);
  return {
    count: gpus.length,
    utilization: most(gpus.map((one) => one.utilization)),
    memory: { percent: used === null || total === null ? null : (100 * used) / total, used, total },
    power: {
      draw: sum(drawing.map(({ draw }) => draw)),
      limit: drawing.some(({ limit }) => limit === null) ? null : sum(drawing.map(({ limit }) => limit)),
    },
    temperature: gpus.map((one) => one.temperature).reduce((a, b) => (b === null || (a !== null && a.celsius >= b.celsius) ? a : b), null),
  };
}

function heat(celsius: number | null, limit: number | null): GpuFacts['temperature'] {
  return celsius === null ? null : { celsius, limit };
}

function ofNvidia({ fields }: Row): GpuFacts {
  const bytes = (field: string): number | null => {
    const value = numberOf(fields[field]);
    return value === null ? null : value * MIB;
  };
  const celsius = numberOf(fields['temperature_gpu']);
  const slow = numberOf(fields['temperature_slow_threshold']);
  const left = numberOf(fields['temperature_gpu_tlimit']);
  return {
    utilization: numberOf(fields['utilization_gpu']),
    used: bytes('memory_used'),
    total: bytes('memory_total'),
    draw: numberOf(fields['power_draw']),
    limit: numberOf(fields['power_limit']),
    temperature: heat(celsius, slow ?? (celsius === null || left === null ? null : celsius + left)),
  };
}

function ofAmd({ fields }: Row): GpuFacts {
  return {
    utilization: numberOf(fields['utilization_gpu']),
    used: numberOf(fields['memory_used']),
    total: numberOf(fields['memory_total']),
    draw: numberOf(fields['power_draw']),
    limit: null,
    temperature: heat(numberOf(fields['temperature_sensor_junction']) ?? numberOf(fields['temperature_sensor_edge']), null),
  };
}

function ofIntel({ fields }: Row): GpuFacts {
  return {
    ...{ utilization: null, used: null, total: null },
    draw: numberOf(fields['power_draw']),
    limit: numberOf(fields['power_limit']),
    temperature: heat(numberOf(fields['temperature_gpu']), null),
  };
}
