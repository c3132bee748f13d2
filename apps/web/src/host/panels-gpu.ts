import { bridge, type Line, newest } from '../charts/model.ts';
import { seriesColor } from '../charts/palette.ts';
import type { BuildContext, PanelSpec, Source } from '../charts/panel.ts';
import type { Column, Columns } from '../charts/tail.ts';
import { byteScale, DEGREE } from '../format/number.ts';
import { type Gpu, gpusOf } from './gpus.ts';
import { MOST_LINES } from './panels.ts';

/** Charts of the GPUs, a line each, of whatever vendor; the same GPU has the same colour on all of them. */

const MIB = 1024 ** 2;

/** Where each vendor has a quantity, and with which tag it tells its GPUs apart. `factor`: of its unit for ours. */
interface Place {
  readonly measurement: string;
  readonly field: string;
  readonly tag: string;
  readonly factor?: number;
}

const nvidia = (field: string, factor?: number): Place => ({
  ...{ measurement: 'nvidia_smi', field, tag: 'index' },
  ...(factor === undefined ? {} : { factor }),
});
const amd = (field: string): Place => ({ measurement: 'amd_rocm_smi', field, tag: 'name' });
const intel = (field: string): Place => ({ measurement: 'intel_gpu', field, tag: 'name' });

const sourceOf = ({ measurement, field, tag }: Place): Source => ({
  ...{ measurement, field, aggregate: 'mean', by: [tag], band: true },
});

/** The values of a column at these times: answers to different questions need not begin together. */
function valuesAt(times: readonly number[], own: Columns, column: Column, factor: number): (number | null)[] {
  const at = new Map(own.times.map((time, i) => [time, column.values[i] ?? null]));
  return times.map((time) => {
    const value = at.get(time) ?? null;
    return value === null ? null : value * factor;
  });
}

function linesOf(
  columns: readonly Columns[],
  places: readonly Place[],
  { detail, interval }: BuildContext,
): { times: readonly number[]; step: number; lines: Line[] } {
  const longest = columns.reduce<Columns | undefined>((a, b) => (a !== undefined && a.times.length >= b.times.length ? a : b), undefined);
  const { times = [], step = 1000 } = longest ?? {};
  const order = gpusOf(detail).map(({ key }) => key);
  const lines = places.flatMap(({ measurement, tag, factor = 1 }, n) => {
    const own = columns[n];
    const vendor = measurement.split('_')[0] ?? '';
    return (own?.series ?? []).map((column) => {
      const name = column.tags[tag] ?? '';
      const place = order.indexOf(`${vendor} ${name}`);
      return {
        place: place < 0 ? order.length : place,
        label: tag === 'index' ? `GPU ${name}` : `${vendor.toUpperCase()} ${name}`,
        values: bridge(valuesAt(times, own as Columns, column, factor), step, interval),
      };
    });
  });
  return {
    ...{ times, step },
    lines: lines
      .filter(({ values }) => values.some((value) => typeof value === 'number'))
      .sort((a, b) => a.place - b.place || a.label.localeCompare(b.label))
      .slice(0, MOST_LINES)
      .map(({ label, values }, n) => ({ label, values, color: seriesColor(n) })),
  };
}

interface Look {
  readonly unit: string;
  readonly integers?: boolean;
  /** Top of the axis, and a limit to draw, by what the GPUs tell of themselves. */
  readonly top: (gpus: readonly Gpu[]) => {
    readonly low?: number;
    readonly high: number | null;
    readonly limit?: number;
    readonly words?: string;
  };
  readonly scale?: (gpus: readonly Gpu[]) => { readonly divisor: number; readonly unit: string };
}

function gpuPanel(id: string, title: string, places: readonly Place[], look: Look): PanelSpec {
  return {
    id,
    title,
    sources: places.map(sourceOf),
    build(columns, context) {
      const gpus = gpusOf(context.detail);
      const { divisor, unit } = look.scale?.(gpus) ?? { divisor: 1, unit: look.unit };
      const { times, step, lines } = linesOf(columns, places, context);
      const drawn = lines.map((line) => ({
        ...line,
        values: line.values.map((value) => (typeof value === 'number' ? value / divisor : value)),
      }));
      const { low = 0, high, limit, words } = look.top(gpus);
      return {
        kind: 'lines',
        ...{ times, step, lines: drawn, unit, unitWords: unit },
        y: high === null ? { kind: 'zero' } : { kind: 'fixed', low, high: high / divisor },
        limits:
          limit === undefined ? [] : [{ at: limit / divisor, words: words ?? '', tone: words?.startsWith('limit') ? 'mute' : 'crit' }],
        now: drawn.slice(0, 3).map(({ values }) => newest(values)),
        ...(look.integers ? { integers: true } : {}),
      };
    },
  };
}

const panel = (id: string, title: string, places: readonly Place[], look: Look) => ({ id, title, places, look });
const least = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((a, b) => (b === null || (a !== null && a <= b) ? a : b), null);
const most = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>((a, b) => (b === null || (a !== null && a >= b) ? a : b), null);

/** Of the vendors that a host has GPUs of, by the measurements that it sends. */
export function gpuPanels(has: (measurement: string) => boolean): PanelSpec[] {
  const specs = PANELS.map(({ id, title, places, look }) => ({
    id,
    title,
    look,
    places: places.filter(({ measurement }) => has(measurement)),
  }));
  return specs.filter(({ places }) => places.length > 0).map(({ id, title, places, look }) => gpuPanel(id, title, places, look));
}

const PANELS: readonly { readonly id: string; readonly title: string; readonly places: readonly Place[]; readonly look: Look }[] = [
  panel('gpu-utilization', 'GPU utilisation', [nvidia('utilization_gpu'), amd('utilization_gpu')], {
    ...{ unit: '%', integers: true },
    top: () => ({ high: 100 }),
  }),
  panel('gpu-memory', 'GPU memory', [nvidia('memory_used', MIB), amd('memory_used')], {
    unit: 'GiB',
    scale: (gpus) => byteScale(most(gpus.map(({ memory }) => memory.total)) ?? 2 ** 30),
    top: (gpus) => ({ high: most(gpus.map(({ memory }) => memory.total)) }),
  }),
  panel('gpu-temperature', 'GPU temperature', [nvidia('temperature_gpu'), amd('temperature_sensor_junction'), intel('temperature_gpu')], {
    ...{ unit: DEGREE, integers: true },
    top(gpus) {
      // Of the one that is nearest to its own.
      const [nearest] = gpus
        .flatMap(({ temperature, hotAt }) => (temperature === null ? [] : [{ left: hotAt - temperature, hotAt }]))
        .sort((a, b) => a.left - b.left);
      const limit = nearest?.hotAt ?? null;
      return { low: 20, high: Math.max(100, (limit ?? 0) + 5), ...(limit === null ? {} : { limit, words: `too hot ${limit}` }) };
    },
  }),
  panel('gpu-power', 'GPU power', [nvidia('power_draw'), amd('power_draw'), intel('power_draw')], {
    ...{ unit: 'W', integers: true },
    top(gpus) {
      const limit = least(gpus.map(({ power }) => power.limit));
      const all = most(gpus.map(({ power }) => power.limit));
      return {
        high: all === null ? null : Math.ceil((all * 1.1) / 50) * 50,
        ...(limit === null ? {} : { limit, words: `limit ${limit}` }),
      };
    },
  }),
];
