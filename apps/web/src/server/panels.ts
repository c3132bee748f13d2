import { escapeValue } from '../api/series.ts';
import type { ServerProcess } from '../api/types.ts';
import { bridge, type ChartModel, extent, type Line, newest } from '../charts/model.ts';
import { seriesColor } from '../charts/palette.ts';
import type { PanelSpec, Source } from '../charts/panel.ts';
import type { Columns } from '../charts/tail.ts';
import { scaleFor } from '../format/unit.ts';
import { isLevel, unitOf } from './counters.ts';

/** Charts of measurement `hostwire`: what every process writes about itself each 30 s. */

export const SELF_INTERVAL = 30_000;
const MOST_LINES = 8;

interface Look {
  readonly id: string;
  readonly title: string;
  /** Of the catalog, or `/s`. */
  readonly unit: string;
  readonly words: string;
}

interface Wanted {
  readonly part: string;
  readonly field: string;
  /** Absent: the name of the process. */
  readonly label?: string;
}

function sourceOf({ part, field }: Wanted): Source {
  return {
    measurement: 'hostwire',
    field,
    aggregate: isLevel(field) ? 'mean' : 'rate',
    by: ['instance'],
    where: [`part:${escapeValue(part)}`],
    optional: true,
  };
}

const has = (values: Line['values']): boolean => values.some((value) => typeof value === 'number');

/** All processes of one field as one line. */
function summed(columns: Columns): (number | null)[] {
  return columns.times.map((_, i) => {
    const known = columns.series.map(({ values }) => values[i]).filter((value) => typeof value === 'number');
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  });
}

function draw(look: Look, lines: readonly Line[], columns: readonly Columns[], more: number): ChartModel {
  const first = columns.find(({ times }) => times.length > 0) ?? columns[0];
  const base = { kind: 'lines' as const, times: first?.times ?? [], step: first?.step ?? SELF_INTERVAL, y: { kind: 'zero' as const } };
  const { high } = extent({ ...base, lines, limits: [], now: [], unit: '', unitWords: '' });
  // What happens seldom is counted by the minute: the axis has no room for 0.125.
  const slow = look.unit === '/s' && high > 0 && high < 0.5;
  const factor = slow ? 60 : 1;
  const scale = scaleFor(slow ? '/min' : look.unit, high * factor);
  const scaled = lines.map((line) => ({
    ...line,
    values: line.values.map((value) => (typeof value === 'number' ? (value * factor) / scale.divisor : value)),
  }));
  return {
    ...base,
    lines: scaled,
    unit: scale.unit,
    unitWords: [scale.unit, look.words, more > 0 ? `${more} more not drawn` : ''].filter(Boolean).join(', '),
    limits: [],
    now: scaled.length > 3 ? [] : scaled.map(({ values }) => newest(values, 4)),
    integers: look.unit === '1',
  };
}

/** One line a field: all processes together. */
export function fieldsPanel(look: Look, wanted: readonly Wanted[]): PanelSpec {
  const fields = wanted.slice(0, MOST_LINES);
  return {
    id: look.id,
    title: look.title,
    sources: fields.map(sourceOf),
    build(columns, { interval }) {
      const lines = columns.flatMap((own, n): Line[] => {
        const values = bridge(summed(own), own.step, interval);
        return has(values) ? [{ label: fields[n]?.label ?? '', color: seriesColor(n), values }] : [];
      });
      return draw(
        look,
        lines.length === 1 ? lines.map((line) => ({ ...line, color: '--ink' })) : lines,
        columns,
        wanted.length - fields.length,
      );
    },
  };
}

/** One line a process. */
export function processesPanel(look: Look, wanted: Wanted): PanelSpec {
  return {
    id: look.id,
    title: look.title,
    sources: [sourceOf(wanted)],
    build(columns, { interval }) {
      const [own] = columns;
      if (own === undefined) return null;
      // By name, so that a process keeps its colour in every chart.
      const series = [...own.series].sort((a, b) => (a.tags['instance'] ?? '').localeCompare(b.tags['instance'] ?? ''));
      const shown = series.filter(({ values }) => has(values));
      const lines = shown.slice(0, MOST_LINES).map(
        ({ tags, values }, n): Line => ({
          label: tags['instance'] ?? '',
          color: shown.length === 1 ? '--ink' : seriesColor(n),
          values: bridge(values, own.step, interval),
        }),
      );
      return draw(look, lines, columns, shown.length - lines.length);
    },
  };
}

/** The names in a part that begin with `prefix`: the largest that a chart can tell apart, in an order that stays. */
function namesOf(processes: readonly ServerProcess[], part: string, prefix: string): string[] {
  const sums = new Map<string, number>();
  for (const { parts } of processes)
    for (const [name, value] of Object.entries(parts[part] ?? {}))
      if (name.startsWith(prefix)) sums.set(name, (sums.get(name) ?? 0) + value);
  const largest = [...sums].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name);
  return [...largest.slice(0, MOST_LINES).sort(), ...largest.slice(MOST_LINES)];
}

/** The charts that make sense for what these processes report. */
export function serverPanels(processes: readonly ServerProcess[]): PanelSpec[] {
  const has = (part: string, field: string): boolean => processes.some(({ parts }) => parts[part]?.[field] !== undefined);
  const reasons = (part: string, prefix: string): Wanted[] =>
    namesOf(processes, part, prefix).map((field) => ({ part, field, label: field.slice(prefix.length).replaceAll('_', ' ') }));
  const refused = reasons('broker', 'refused_');
  const odd: Wanted[] = [
    ...reasons('ingest', 'invalid_').map((one) => ({ ...one, label: `invalid: ${one.label}` })),
    ...(
      [
        ['clock', 'wrong clock'],
        ['conflicts', 'conflict'],
        ['failed', 'not taken'],
        ['dead_letters', 'dead letter'],
      ] as const
    )
      .filter(([field]) => has('ingest', field))
      .map(([field, label]) => ({ part: 'ingest', field, label })),
  ];
  const retries = reasons('ingest', 'drain_retries_');
  return [
    processesPanel({ id: 'samples', title: 'Samples taken in', unit: '/s', words: 'by process' }, { part: 'ingest', field: 'samples' }),
    ...(odd.length > 0 ? [fieldsPanel({ id: 'odd', title: 'Not taken as they were', unit: '/s', words: '' }, odd)] : []),
    ...(has('broker', 'clients')
      ? [processesPanel({ id: 'clients', title: 'Broker clients', unit: '1', words: 'connected' }, { part: 'broker', field: 'clients' })]
      : []),
    ...(refused.length > 0 ? [fieldsPanel({ id: 'refused', title: 'Refused by the broker', unit: '/s', words: '' }, refused)] : []),
    ...(has('ingest', 'drain_lag_ms')
      ? [
          processesPanel(
            { id: 'waiting', title: 'Waiting in the journal', unit: 'bytes', words: 'by process' },
            { part: 'ingest', field: 'drain_lag_bytes' },
          ),
          processesPanel(
            { id: 'lag', title: 'Oldest that waits', unit: 'ms', words: 'by process' },
            { part: 'ingest', field: 'drain_lag_ms' },
          ),
        ]
      : []),
    ...(has('ingest', 'drained')
      ? [
          fieldsPanel({ id: 'written', title: 'Taken in, and written to the store', unit: '/s', words: 'samples' }, [
            { part: 'ingest', field: 'samples', label: 'taken in' },
            { part: 'ingest', field: 'drained', label: 'written' },
          ]),
        ]
      : []),
    ...(retries.length > 0 ? [fieldsPanel({ id: 'retries', title: 'Writes tried again', unit: '/s', words: '' }, retries)] : []),
    ...(has('store', 'file_bytes')
      ? [
          processesPanel(
            { id: 'store', title: 'Store on disk', unit: 'bytes', words: 'all files' },
            { part: 'store', field: 'file_bytes' },
          ),
          processesPanel(
            { id: 'commits', title: 'Commits', unit: '/s', words: 'each with its fsync' },
            { part: 'store', field: 'commits' },
          ),
        ]
      : []),
    processesPanel(
      { id: 'memory', title: 'Memory', unit: 'bytes', words: 'resident, by process' },
      { part: 'process', field: 'resident_memory_bytes' },
    ),
  ];
}

/** Any counter or level, one line a process. */
export function counterPanel(part: string, field: string): PanelSpec {
  const unit = isLevel(field) ? unitOf(field) : '/s';
  return processesPanel(
    { id: `counter ${part} ${field}`, title: `${part} ${field}`, unit, words: isLevel(field) ? '' : 'change' },
    { part, field },
  );
}
