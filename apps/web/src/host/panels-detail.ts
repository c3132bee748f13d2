import { extent, newest } from '../charts/model.ts';
import type { PanelSpec, Source } from '../charts/panel.ts';
import { scaleFor } from '../format/unit.ts';
import { isWholeDisk, linesOf } from './panels.ts';

/** Panels of the tabs: one line a device. */

function perDevice(id: string, title: string, unit: string, words: string, source: Source, keep: (name: string) => boolean, percent = false): PanelSpec {
  const [tag = ''] = source.by ?? [];
  return {
    id,
    title,
    sources: [source],
    build(columns, { interval }) {
      const [own] = columns;
      if (own === undefined) return null;
      const kept = own.series.filter(({ tags }) => keep(tags[tag] ?? ''));
      const raw = linesOf({ ...own, series: kept.length > 0 ? kept : own.series }, ({ tags }) => tags[tag] ?? '', interval);
      const base = { kind: 'lines' as const, times: own.times, step: own.step, limits: [], unitWords: '', unit: '' };
      const { high } = extent({ ...base, lines: raw, y: { kind: 'zero' }, now: [] });
      const scale = scaleFor(unit, high);
      const shrink = (values: (typeof raw)[number]['values']) => values.map((value) => (typeof value === 'number' ? value / scale.divisor : value));
      const lines = raw.map((line) => ({ label: line.label, color: line.color, values: shrink(line.values), ...(line.min && line.max ? { min: shrink(line.min), max: shrink(line.max) } : {}) }));
      return { ...base, lines, y: percent ? { kind: 'fixed', low: 0, high: 100 } : { kind: 'zero' }, unit: scale.unit, unitWords: [scale.unit, words].filter(Boolean).join(', '), now: lines.slice(0, 3).map(({ values }) => newest(values)) };
    },
  };
}

const any = (): boolean => true;

export const STORAGE: readonly PanelSpec[] = [
  perDevice('busy', 'Busy', 'percent', 'of the time', { measurement: 'diskio', field: 'io_util', aggregate: 'mean', by: ['name'], band: true }, isWholeDisk, true),
  perDevice('filled', 'Filled', 'percent', 'of each file system', { measurement: 'disk', field: 'used_percent', aggregate: 'mean', by: ['path'] }, any, true),
  perDevice('await', 'Waiting time', 'ms', 'a request', { measurement: 'diskio', field: 'io_await', aggregate: 'mean', by: ['name'], band: true }, isWholeDisk),
];

export const NETWORK: readonly PanelSpec[] = [
  perDevice('in', 'In, by interface', 'bytes/s', '', { measurement: 'net', field: 'bytes_recv', aggregate: 'rate', by: ['interface'] }, any),
  perDevice('out', 'Out, by interface', 'bytes/s', '', { measurement: 'net', field: 'bytes_sent', aggregate: 'rate', by: ['interface'] }, any),
  perDevice('drops', 'Dropped, received', 'packets', 'a second', { measurement: 'net', field: 'drop_in', aggregate: 'rate', by: ['interface'] }, any),
];
