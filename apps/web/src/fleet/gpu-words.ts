import type { HostSummary } from '../api/types.ts';
import { count, DEGREE, usedOfTotal, whole } from '../format/number.ts';
import { heatOf, limitsOf } from '../host/gpus.ts';

/** How hot the hottest GPU of a host is, as in its panel of GPUs. */
export function gpuHeat({ temperature }: NonNullable<HostSummary['gpu']>) {
  return heatOf({ temperature: temperature?.celsius ?? null, ...limitsOf(temperature?.limit ?? null) });
}

/** "2 GPUs, 649 of 700 W, 44.9 of 48.0 GiB, 91 C, too hot". */
export function gpuWords(gpu: NonNullable<HostSummary['gpu']>): string {
  const { power, memory, temperature } = gpu;
  const heat = gpuHeat(gpu);
  const parts = [
    power.draw === null ? null : `${whole(power.draw)}${power.limit === null ? '' : ` of ${whole(power.limit)}`} W`,
    memory.total === null ? null : usedOfTotal(memory.used, memory.total),
    temperature === null ? null : `${whole(temperature.celsius)} ${DEGREE}`,
    heat.tone === undefined ? null : heat.words.toLowerCase(),
  ];
  return [count(gpu.count, 'GPU'), ...parts.filter((part) => part !== null)].join(', ');
}
