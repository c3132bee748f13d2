import type { HostDetail, Row } from '../api/types.ts';
import type { GlyphName } from '../parts/Glyph.vue';
import { numberOf, rowsOf, textOf } from './rows.ts';

/** A process on a GPU; memory in bytes. */
export interface GpuProcess {
  readonly key: string;
  readonly name: string;
  readonly user: string;
  readonly pid: number | null;
  readonly memory: number | null;
  /** Of tmux: its owner and its name; null: in none that is known of. */
  readonly session: { readonly user: string; readonly name: string } | null;
  readonly container: string | null;
}

/** A GPU of any vendor. Memory in bytes, power in watts, temperatures in Celsius; null: it does not tell. */
export interface Gpu {
  readonly key: string;
  /** Place among those of its vendor, as the vendor's tools count. */
  readonly index: string;
  readonly name: string;
  readonly utilization: number | null;
  readonly power: { readonly draw: number | null; readonly limit: number | null };
  readonly memory: { readonly used: number | null; readonly total: number | null };
  readonly temperature: number | null;
  /** From where on it is hot, and from where on it slows itself down. */
  readonly warmAt: number;
  readonly hotAt: number;
  readonly fan: { readonly percent: number | null; readonly rpm: number | null };
  /** Why it is slower than it could be, in words. */
  readonly slowed: readonly string[];
  readonly processes: readonly GpuProcess[];
}

/** Where a GPU tells no limits of its own. */
const WARM = 80;
const HOT = 90;
const MIB = 1024 ** 2;
const SLOWED: readonly (readonly [string, string])[] = [
  ['hw_thermal_slowdown', 'slowed by its heat'],
  ['sw_thermal_slowdown', 'slowed by its heat'],
  ['hw_power_brake_slowdown', 'slowed by the power supply'],
  ['sw_power_cap', 'held by its power limit'],
];

/** From where on a GPU is hot, and from where on it is too hot: where it slows itself down, if it tells. */
export function limitsOf(slowAt: number | null): { readonly warmAt: number; readonly hotAt: number } {
  return slowAt === null ? { warmAt: WARM, hotAt: HOT } : { warmAt: slowAt - 10, hotAt: slowAt };
}

/** The GPUs of the newest sample: those of NVIDIA, AMD and Intel, each in the order of their index. */
export function gpusOf(detail: HostDetail | null): Gpu[] {
  const sorted = (measurement: string, tag: string): Row[] =>
    [...rowsOf(detail, measurement)].sort((a, b) => (a.tags[tag] ?? '').localeCompare(b.tags[tag] ?? '', 'en', { numeric: true }));
  return [
    ...sorted('nvidia_smi', 'index').map((row) => nvidia(row, detail)),
    ...sorted('amd_rocm_smi', 'name').map((row, place) => amd(row, place, detail)),
    ...sorted('intel_gpu', 'name').map(intel),
  ];
}

function nvidia(row: Row, detail: HostDetail | null): Gpu {
  const number = (field: string): number | null => numberOf(row, field);
  const bytes = (field: string): number | null => {
    const value = number(field);
    return value === null ? null : value * MIB;
  };
  const index = row.tags['index'] ?? '';
  const temperature = number('temperature_gpu');
  const left = number('temperature_gpu_tlimit');
  const limits = limitsOf(number('temperature_slow_threshold') ?? (temperature === null || left === null ? null : temperature + left));
  return {
    ...{ key: `nvidia ${index}`, index, name: shortName(row.tags['name'] ?? '') },
    utilization: number('utilization_gpu'),
    power: { draw: number('power_draw'), limit: number('power_limit') },
    memory: { used: bytes('memory_used'), total: bytes('memory_total') },
    ...{ temperature, ...limits },
    fan: { percent: number('fan_speed'), rpm: null },
    slowed: [...new Set(SLOWED.filter(([reason]) => number(`clocks_event_reason_${reason}`) === 1).map(([, words]) => words))],
    processes: processesOn(detail, 'nvidia', index),
  };
}

function amd(row: Row, place: number, detail: HostDetail | null): Gpu {
  const number = (field: string): number | null => numberOf(row, field);
  const card = row.tags['name'] ?? '';
  return {
    ...{ key: `amd ${card}`, index: String(place), name: textOf(row, 'card_series') || textOf(row, 'card_model') || card },
    utilization: number('utilization_gpu'),
    power: { draw: number('power_draw'), limit: null },
    memory: { used: number('memory_used'), total: number('memory_total') },
    temperature: number('temperature_sensor_junction') ?? number('temperature_sensor_edge'),
    ...limitsOf(null),
    fan: { percent: number('fan_speed'), rpm: null },
    slowed: [],
    processes: processesOn(detail, 'amd', String(place)),
  };
}

function intel(row: Row, place: number): Gpu {
  const number = (field: string): number | null => numberOf(row, field);
  return {
    ...{ key: `intel ${row.tags['name'] ?? ''}`, index: String(place), name: `Intel ${row.tags['name'] ?? ''}`, utilization: null },
    power: { draw: number('power_draw'), limit: number('power_limit') },
    memory: { used: null, total: null },
    ...{ temperature: number('temperature_gpu'), ...limitsOf(null) },
    fan: { percent: null, rpm: number('fan_speed_rpm') },
    ...{ slowed: [], processes: [] },
  };
}

/** "RTX 3090" says as much as "NVIDIA GeForce RTX 3090" beside others. */
function shortName(name: string): string {
  return name.replace(/^NVIDIA\s+(GeForce\s+)?/, '');
}

function processesOn(detail: HostDetail | null, vendor: string, gpu: string): GpuProcess[] {
  return rowsOf(detail, 'gpu_process')
    .filter(({ tags }) => tags['vendor'] === vendor && tags['gpu'] === gpu)
    .sort((a, b) => Number(a.tags['rank']) - Number(b.tags['rank']))
    .map((row) => {
      const session = textOf(row, 'session');
      const at = session.indexOf(':');
      return {
        key: `${row.tags['rank']}`,
        name: textOf(row, 'process_name').replace(/^.*\/(?=[^/])/, ''),
        user: textOf(row, 'user'),
        pid: numberOf(row, 'pid'),
        memory: numberOf(row, 'memory_used'),
        session: at < 1 ? null : { user: session.slice(0, at), name: session.slice(at + 1) },
        container: textOf(row, 'container') || null,
      };
    });
}

/** How a GPU is, by its temperature, as a shape, a tone and words. */
export function heatOf({ temperature, warmAt, hotAt }: Pick<Gpu, 'temperature' | 'warmAt' | 'hotAt'>): {
  readonly glyph: GlyphName;
  readonly tone: 'warn' | 'crit' | undefined;
  readonly words: string;
} {
  if (temperature === null) return { glyph: 'nodata', tone: undefined, words: 'No temperature' };
  if (temperature >= hotAt) return { glyph: 'crit', tone: 'crit', words: 'Too hot' };
  return temperature >= warmAt ? { glyph: 'warn', tone: 'warn', words: 'Hot' } : { glyph: 'ok', tone: undefined, words: 'OK' };
}
