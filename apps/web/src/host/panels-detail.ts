import { extent, newest } from '../charts/model.ts';
import type { PanelSpec, Source } from '../charts/panel.ts';
import { scaleFor } from '../format/unit.ts';
import { isWholeDisk, linesOf } from './panels.ts';
import { rowsOf } from './rows.ts';

/** Panels of the tabs: one line a device. */

interface Look {
  readonly unit: string;
  /** Behind the unit: "of the time". */
  readonly words: string;
  readonly keep?: (name: string) => boolean;
  readonly tier?: 'medium';
  /** Names a line, where that is not the first tag. */
  readonly tag?: string;
}

function perDevice(
  id: string,
  title: string,
  source: Source,
  { unit, words, keep = () => true, tier, tag = source.by?.[0] ?? '' }: Look,
): PanelSpec {
  return {
    id,
    title,
    ...(tier === undefined ? {} : { tier }),
    sources: [source],
    build(columns, { interval }) {
      const [own] = columns;
      if (own === undefined) return null;
      const kept = own.series.filter(({ tags }) => keep(tags[tag] ?? ''));
      const raw = linesOf({ ...own, series: kept.length > 0 ? kept : own.series }, ({ tags }) => tags[tag] ?? '', interval);
      const base = { kind: 'lines' as const, times: own.times, step: own.step, limits: [], unitWords: '', unit: '' };
      const { high } = extent({ ...base, lines: raw, y: { kind: 'zero' }, now: [] });
      const scale = scaleFor(unit, high);
      const shrink = (values: (typeof raw)[number]['values']) =>
        values.map((value) => (typeof value === 'number' ? value / scale.divisor : value));
      const lines = raw.map((line) => ({
        label: line.label,
        color: line.color,
        values: shrink(line.values),
        ...(line.min && line.max ? { min: shrink(line.min), max: shrink(line.max) } : {}),
      }));
      return {
        ...base,
        lines,
        y: unit === 'percent' ? { kind: 'fixed', low: 0, high: 100 } : { kind: 'zero' },
        unit: scale.unit,
        unitWords: [scale.unit, words].filter(Boolean).join(', '),
        now: lines.slice(0, 3).map(({ values }) => newest(values)),
      };
    },
  };
}

/** Fans turn slowly enough for the tier that they are read in. */
export const FANS: PanelSpec = {
  ...perDevice(
    'fans',
    'Fans',
    { measurement: 'sensors', field: 'fan_input', aggregate: 'mean', by: ['chip', 'feature'], band: true },
    { unit: 'rpm', words: '', tier: 'medium', tag: 'feature' },
  ),
  has: (detail) => rowsOf(detail, 'sensors').some(({ fields }) => typeof fields['fan_input'] === 'number'),
};

export const STORAGE: readonly PanelSpec[] = [
  perDevice(
    'busy',
    'Busy',
    { measurement: 'diskio', field: 'io_util', aggregate: 'mean', by: ['name'], band: true },
    { unit: 'percent', words: 'of the time', keep: isWholeDisk },
  ),
  perDevice(
    'filled',
    'Filled',
    { measurement: 'disk', field: 'used_percent', aggregate: 'mean', by: ['path'] },
    { unit: 'percent', words: 'of each file system', tier: 'medium' },
  ),
  perDevice(
    'await',
    'Waiting time',
    { measurement: 'diskio', field: 'io_await', aggregate: 'mean', by: ['name'], band: true },
    { unit: 'ms', words: 'a request', keep: isWholeDisk },
  ),
];

export const NETWORK: readonly PanelSpec[] = [
  perDevice(
    'in',
    'In, by interface',
    { measurement: 'net', field: 'bytes_recv', aggregate: 'rate', by: ['interface'] },
    { unit: 'bytes/s', words: '' },
  ),
  perDevice(
    'out',
    'Out, by interface',
    { measurement: 'net', field: 'bytes_sent', aggregate: 'rate', by: ['interface'] },
    { unit: 'bytes/s', words: '' },
  ),
  perDevice(
    'drops',
    'Dropped, received',
    { measurement: 'net', field: 'drop_in', aggregate: 'rate', by: ['interface'] },
    { unit: 'packets', words: 'a second' },
  ),
];

export const CONTAINERS: readonly PanelSpec[] = [
  perDevice(
    'container-cpu',
    'CPU, by container',
    { measurement: 'docker_container_cpu', field: 'usage_percent', aggregate: 'mean', by: ['container_name'], where: ['cpu:cpu-total'] },
    { unit: '%', words: '100 is one core', tier: 'medium' },
  ),
  perDevice(
    'container-memory',
    'Memory, by container',
    { measurement: 'docker_container_mem', field: 'usage', aggregate: 'mean', by: ['container_name'] },
    { unit: 'bytes', words: '', tier: 'medium' },
  ),
];
