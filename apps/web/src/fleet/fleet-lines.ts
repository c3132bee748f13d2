import { useQuery } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { fetchSeries, type SeriesAsk, type Span } from '../api/series.ts';
import type { HostSummary, SeriesAnswer } from '../api/types.ts';
import { serverNow } from '../live/now.ts';
import type { Values } from '../parts/spark.ts';

const MINUTE = 60_000;
const POINTS = 60;

/** The last hour of one quantity of one host, a value a minute. */
export interface FleetLine {
  readonly mean: Values;
  readonly min: Values;
  readonly max: Values;
}

export const NO_LINE: FleetLine = { mean: [], min: [], max: [] };

export interface FleetLines {
  readonly cpu: (host: HostSummary) => FleetLine;
  readonly memory: (host: HostSummary) => FleetLine;
  readonly temperature: (host: HostSummary) => FleetLine;
}

const CPU: Omit<SeriesAsk, 'aggregate'> = { measurement: 'cpu', field: 'usage_active', groupBy: ['host'], where: ['cpu:cpu-total'] };
const ASKS = {
  cpu: { ...CPU, aggregate: 'mean' },
  cpuMin: { ...CPU, aggregate: 'min' },
  cpuMax: { ...CPU, aggregate: 'max' },
  memory: { measurement: 'mem', field: 'used_percent', groupBy: ['host'], aggregate: 'mean' },
  temperature: { measurement: 'temp', field: 'temp', groupBy: ['host', 'sensor'], aggregate: 'mean' },
} as const satisfies Record<string, SeriesAsk>;

/** `key` of the series of an answer; values by it. */
export function indexLines(answer: SeriesAnswer | undefined, tags: readonly string[]): ReadonlyMap<string, Values> {
  return new Map((answer?.series ?? []).map(({ tags: own, values }) => [tags.map((tag) => own[tag] ?? '').join('\n'), values]));
}

/** The line up to now: the newest bucket is still empty until its first sample is stored, but the value is known. */
export function upToNow(values: Values | undefined, current: number | null): Values {
  if (values === undefined || values.length === 0) return [];
  return values.at(-1) === null && current !== null ? [...values.slice(0, -1), current] : values;
}

/** The last hour of every host, in five queries a minute for the whole fleet. */
export function useFleetLines(enabled: Readonly<Ref<boolean>>): FleetLines {
  const ask = (name: keyof typeof ASKS) =>
    useQuery({
      queryKey: ['fleet-line', name],
      queryFn: ({ signal }) => {
        const to = (Math.floor(serverNow() / MINUTE) + 1) * MINUTE;
        const span: Span = { from: to - POINTS * MINUTE, to, step: MINUTE };
        return fetchSeries(ASKS[name], span, signal);
      },
      refetchInterval: MINUTE,
      enabled,
    }).data;

  const cpu = ask('cpu');
  const cpuMin = ask('cpuMin');
  const cpuMax = ask('cpuMax');
  const memory = ask('memory');
  const temperature = ask('temperature');
  const byHost = (data: Ref<SeriesAnswer | undefined>) => computed(() => indexLines(data.value, ['host']));
  const lines = { cpu: byHost(cpu), min: byHost(cpuMin), max: byHost(cpuMax), memory: byHost(memory) };
  const sensors = computed(() => indexLines(temperature.value, ['host', 'sensor']));
  const fresh = (host: HostSummary, value: number | null): number | null => (host.state === 'online' && !host.late ? value : null);

  return {
    cpu: (host) => ({
      mean: upToNow(lines.cpu.value.get(host.host), fresh(host, host.cpu)),
      min: lines.min.value.get(host.host) ?? [],
      max: lines.max.value.get(host.host) ?? [],
    }),
    memory: (host) => ({ mean: upToNow(lines.memory.value.get(host.host), fresh(host, host.memory.percent)), min: [], max: [] }),
    temperature: (host) => ({
      mean: upToNow(sensors.value.get(`${host.host}\n${host.temperature?.sensor ?? ''}`), fresh(host, host.temperature?.celsius ?? null)),
      min: [],
      max: [],
    }),
  };
}
