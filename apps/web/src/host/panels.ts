import { bridge, type ChartModel, type ChartValues, extent, type Limit, type Line, newest } from '../charts/model.ts';
import { seriesColor } from '../charts/palette.ts';
import type { BuildContext, PanelSpec, Source } from '../charts/panel.ts';
import type { Column, Columns } from '../charts/tail.ts';
import { byteScale, count, DEGREE, rateScale } from '../format/number.ts';
import { sensorLabel } from '../format/sensor.ts';

/** The panels of a host's overview, in their fixed order. */

const mean = (measurement: string, field: string, more: Partial<Source> = {}): Source => ({
  measurement,
  field,
  aggregate: 'mean',
  ...more,
});
const rate = (measurement: string, field: string, by: readonly string[]): Source => ({ measurement, field, aggregate: 'rate', by });

const scaled = (values: readonly (number | null)[] | undefined, divisor: number): (number | null)[] =>
  (values ?? []).map((value) => (value === null ? null : value / divisor));
const first = (columns: Columns | undefined): Column | undefined => columns?.series[0];
const base = (columns: readonly Columns[]) => ({ times: columns[0]?.times ?? [], step: columns[0]?.step ?? 1000 });

/** Sums of several series, bucket by bucket; null where none has a value. */
export function total(series: readonly Column[]): (number | null)[] {
  const length = Math.max(0, ...series.map(({ values }) => values.length));
  return Array.from({ length }, (_, i) => {
    const known = series.map(({ values }) => values[i]).filter((value): value is number => typeof value === 'number');
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  });
}

const has = (values: ChartValues): boolean => values.some((value) => typeof value === 'number');
const greatest = (values: ChartValues): number =>
  values.reduce<number>((most, value) => (typeof value === 'number' && value > most ? value : most), 0);

/** A disk as a whole: its partitions, loops and RAM disks would be counted twice. */
export function isWholeDisk(name: string): boolean {
  return !/^(loop|ram|zram|fd|sr|dm-|md)/.test(name) && !/^((sd|vd|xvd|hd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+)p\d+)$/.test(name);
}

/** Layers of the CPU chart. Nice is user time at a lower priority; interrupts are handled in two ways. */
const CPU_MODES = [
  { fields: ['usage_user', 'usage_nice'], label: 'user', color: '--series-1', always: true },
  { fields: ['usage_system'], label: 'system', color: '--series-2', always: true },
  { fields: ['usage_iowait'], label: 'iowait', color: '--series-3', always: true },
  { fields: ['usage_irq', 'usage_softirq'], label: 'irq', color: '--series-5', always: false },
  { fields: ['usage_steal'], label: 'steal', color: '--series-8', always: true },
] as const;
const CPU_FIELDS = CPU_MODES.flatMap(({ fields }) => fields.map(String));
/** A mode that never reached this many percent is not worth a layer. */
const WORTH = 0.5;

const cpu: PanelSpec = {
  id: 'cpu',
  title: 'CPU',
  sources: CPU_FIELDS.map((field) => mean('cpu', field, { where: ['cpu:cpu-total'] })),
  build(columns, { detail, interval }) {
    const { times, step } = base(columns);
    const lines = CPU_MODES.flatMap(({ fields, label, color, always }): Line[] => {
      const values = total(fields.flatMap((field) => columns[CPU_FIELDS.indexOf(field)]?.series ?? []));
      return has(values) && (always || greatest(values) >= WORTH) ? [{ label, color, values: bridge(values, step, interval) }] : [];
    });
    const threads = detail?.summary.n_cpus ?? null;
    const busy = lines.map(({ values }) => newest(values)).filter((value) => value !== null);
    return {
      kind: 'stack',
      times,
      step,
      lines,
      y: { kind: 'fixed', low: 0, high: 100 },
      unitWords: threads === null ? '%' : `% of ${count(threads, 'thread')}`,
      unit: '%',
      limits: [],
      now: [busy.length === 0 ? null : busy.reduce((a, b) => a + b, 0)],
    };
  },
};

const memory: PanelSpec = {
  id: 'memory',
  title: 'Memory',
  sources: [mean('mem', 'used'), mean('mem', 'available'), mean('mem', 'free')],
  build(columns, { interval }) {
    const { times, step } = base(columns);
    const [used, available, free] = columns.map((one) => first(one)?.values ?? []);
    // Used is what cannot be freed, so with what is available it is the whole.
    const whole = Math.max(0, ...(used ?? []).map((value, i) => (value === null ? 0 : value + (available?.[i] ?? 0))));
    const { divisor, unit } = byteScale(whole);
    const cache = (available ?? []).map((value, i) => (value === null ? null : Math.max(0, value - (free?.[i] ?? value))));
    const apps = bridge(scaled(used, divisor), step, interval);
    return {
      kind: 'stack',
      times,
      step,
      lines: has(apps)
        ? [
            { label: 'used', color: '--series-1', values: apps },
            { label: 'cache, can be freed', color: '--level', values: bridge(scaled(cache, divisor), step, interval) },
          ]
        : [],
      y: { kind: 'fixed', low: 0, high: whole === 0 ? 1 : Number((whole / divisor).toPrecision(3)) },
      unitWords: whole === 0 ? '' : `${unit} of ${Number((whole / divisor).toPrecision(3))}`,
      unit,
      limits: [],
      now: [newest(apps)],
    };
  },
};

/** Two flows, one up and one down, in the unit that fits the larger. */
function mirrored(
  columns: readonly Columns[],
  keep: (column: Column) => boolean,
  words: readonly [up: string, down: string],
  said: string,
  { interval }: BuildContext,
): ChartModel | null {
  const { times, step } = base(columns);
  const [up = [], down = []] = columns.map(({ series }) => total(series.filter(keep).length > 0 ? series.filter(keep) : series));
  const { divisor, unit } = rateScale(Math.max(greatest(up), greatest(down)));
  const lines: Line[] = [
    { label: words[0], color: '--series-1', values: bridge(scaled(up, divisor), step, interval) },
    { label: words[1], color: '--series-2', values: bridge(scaled(down, divisor), step, interval), down: true },
  ];
  return {
    kind: 'lines',
    times,
    step,
    lines: lines.some(({ values }) => has(values)) ? lines : [],
    y: { kind: 'zero' },
    unitWords: `${unit}, ${said}`,
    unit,
    limits: [],
    now: lines.map(({ values }) => newest(values)),
  };
}

const disk: PanelSpec = {
  id: 'disk',
  title: 'Disk I/O',
  sources: [rate('diskio', 'read_bytes', ['name']), rate('diskio', 'write_bytes', ['name'])],
  build: (columns, context) =>
    mirrored(columns, ({ tags }) => isWholeDisk(tags['name'] ?? ''), ['read', 'write'], 'reads up, writes down', context),
};

const network: PanelSpec = {
  id: 'network',
  title: 'Network',
  sources: [rate('net', 'bytes_recv', ['interface']), rate('net', 'bytes_sent', ['interface'])],
  build: (columns, context) => mirrored(columns, ({ tags }) => tags['interface'] !== 'lo', ['in', 'out'], 'in up, out down', context),
};

/** Most lines that a chart can tell apart. */
export const MOST_LINES = 8;

function bandOf(column: Column): Partial<Pick<Line, 'min' | 'max'>> {
  return column.min === undefined || column.max === undefined ? {} : { min: column.min, max: column.max };
}

/** The lines of a source, one a series, highest last value first; at most eight. */
export function linesOf(columns: Columns | undefined, label: (column: Column) => string, interval: number): Line[] {
  return [...(columns?.series ?? [])]
    .filter(({ values }) => has(values))
    .sort((a, b) => (newest(b.values, b.values.length) ?? 0) - (newest(a.values, a.values.length) ?? 0))
    .slice(0, MOST_LINES)
    .map((column, n) => ({
      label: label(column),
      color: seriesColor(n),
      values: bridge(column.values, columns?.step ?? 1000, interval),
      ...bandOf(column),
    }));
}

function sensorLimits(detail: BuildContext['detail'], shown: number): Limit[] {
  const limits = (detail?.latest['temp']?.rows ?? [])
    .map(({ fields }) => Number(fields['crit'] ?? fields['max'] ?? Number.NaN))
    .filter((value) => Number.isFinite(value) && value > 0);
  const lowest = limits.length === 0 ? null : Math.min(...limits);
  // A limit far above everything would only flatten the lines.
  return lowest === null || lowest > 100 || shown < lowest - 25 ? [] : [{ at: lowest, words: `limit ${lowest}`, tone: 'crit' }];
}

const temperatures: PanelSpec = {
  id: 'temperatures',
  title: 'Temperatures',
  sources: [mean('temp', 'temp', { by: ['sensor'], band: true })],
  build(columns, { detail, interval }) {
    const lines = linesOf(columns[0], ({ tags }) => sensorLabel(tags['sensor'] ?? ''), interval);
    if (lines.length === 0 && detail !== null && detail.latest['temp'] === undefined) return null;
    const model: ChartModel = {
      kind: 'lines',
      ...base(columns),
      lines,
      y: { kind: 'fixed', low: 20, high: 100 },
      unitWords: DEGREE,
      unit: DEGREE,
      limits: [],
      now: lines.slice(0, 3).map(({ values }) => newest(values)),
      integers: true,
    };
    const { low, high } = extent(model);
    return {
      ...model,
      limits: sensorLimits(detail, high),
      y: { kind: 'fixed', low: Math.min(20, Math.floor(low / 10) * 10), high: Math.max(100, Math.ceil(high / 10) * 10) },
    };
  },
};

const pressure: PanelSpec = {
  id: 'pressure',
  title: 'Pressure',
  sources: [mean('pressure', 'avg10', { by: ['resource'], where: ['type:some'], band: true })],
  build(columns, { detail, interval }) {
    const lines = ['cpu', 'memory', 'io'].flatMap((resource, n): Line[] => {
      const column = columns[0]?.series.find(({ tags }) => tags['resource'] === resource);
      if (column === undefined || columns[0] === undefined) return [];
      return [
        {
          label: resource === 'io' ? 'I/O' : resource,
          color: seriesColor(n),
          values: bridge(column.values, columns[0].step, interval),
          ...bandOf(column),
        },
      ];
    });
    if (lines.length === 0 && detail !== null && detail.latest['pressure'] === undefined) return null;
    return {
      kind: 'lines',
      ...base(columns),
      lines,
      y: { kind: 'zero' },
      unitWords: '% of time stalled, 10 s',
      unit: '%',
      limits: [],
      now: lines.map(({ values }) => newest(values)),
    };
  },
};

const cores: PanelSpec = {
  id: 'cores',
  title: 'CPU per core',
  sources: [mean('cpu', 'usage_active', { by: ['cpu'], where: ['!cpu:cpu-total'] })],
  build(columns, { interval }) {
    const number = (column: Column): number => Number(/\d+$/.exec(column.tags['cpu'] ?? '')?.[0] ?? 0);
    const series = [...(columns[0]?.series ?? [])]
      .filter(({ tags, values }) => tags['cpu'] !== 'cpu-total' && has(values))
      .sort((a, b) => number(a) - number(b));
    const lines = series.map(
      (column): Line => ({
        label: `core ${number(column)}`,
        color: '--ink',
        values: bridge(column.values, columns[0]?.step ?? 1000, interval),
      }),
    );
    return {
      kind: 'heat',
      ...base(columns),
      lines,
      y: { kind: 'fixed', low: 0, high: 100 },
      unitWords: `${count(lines.length, 'core')}, 0 to 100 %`,
      unit: '%',
      limits: [],
      now: [],
    };
  },
};

const load: PanelSpec = {
  id: 'load',
  title: 'Load',
  sources: (['load1', 'load5', 'load15'] as const).map((field) => mean('system', field)),
  build(columns, { detail, interval }) {
    const { times, step } = base(columns);
    const lines = ['1 min', '5 min', '15 min'].flatMap((label, n): Line[] => {
      const values = first(columns[n])?.values ?? [];
      return has(values) ? [{ label, color: seriesColor(n), values: bridge(values, step, interval) }] : [];
    });
    const threads = detail?.summary.n_cpus ?? null;
    const reached = lines.some(({ values }) => threads !== null && greatest(values) > threads * 0.6);
    return {
      kind: 'lines',
      times,
      step,
      lines,
      y: { kind: 'zero' },
      unitWords: 'tasks running or waiting',
      unit: '',
      limits: reached && threads !== null ? [{ at: threads, words: count(threads, 'thread'), tone: 'mute' }] : [],
      now: lines.map(({ values }) => newest(values)),
    };
  },
};

export const OVERVIEW: readonly PanelSpec[] = [cpu, memory, disk, network, temperatures, pressure, cores, load];
