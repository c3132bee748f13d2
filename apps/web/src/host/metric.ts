import type { Aggregate } from '../api/series.ts';
import { escapeValue } from '../api/series.ts';
import type { Catalog, CatalogField, CatalogMeasurement, HostDetail, Row } from '../api/types.ts';
import { extent, newest } from '../charts/model.ts';
import type { PanelSpec } from '../charts/panel.ts';
import { perSecond, scaleFor } from '../format/unit.ts';
import { linesOf } from './panels.ts';

/** One field of the catalog, drawn in the way that was chosen. */
export interface Choice {
  readonly measurement: string;
  readonly field: string;
  readonly aggregate: Aggregate;
  /** Tag that makes the lines, or empty: one line. */
  readonly by: string;
  /** Tag -> value that is kept. */
  readonly only: Readonly<Record<string, string>>;
}

/**
 * The catalog with what this host's newest samples hold beyond it: what its own sources measure is declared by nobody. A number
 * there is a level of no known unit.
 */
export function withUndeclared(catalog: Catalog, detail: HostDetail | null): Catalog {
  const found: Record<string, CatalogMeasurement> = {};
  for (const [name, { rows, tier }] of Object.entries(detail?.latest ?? {})) {
    if (Object.hasOwn(catalog.measurements, name)) continue;
    const tags = new Set<string>();
    const fields = new Map<string, CatalogField>();
    for (const row of rows) {
      for (const tag of Object.keys(row.tags)) tags.add(tag);
      for (const [field, value] of Object.entries(row.fields)) {
        const type = typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'float';
        fields.set(field, { type, unit: '1', kind: type === 'float' ? 'gauge' : 'state', help: '' });
      }
    }
    const help = 'Of a source of this host.';
    found[name] = {
      help,
      collector: 'custom',
      tier,
      tags: Object.fromEntries([...tags].map((tag) => [tag, ''])),
      fields: Object.fromEntries(fields),
    };
  }
  return Object.keys(found).length === 0 ? catalog : { ...catalog, measurements: { ...catalog.measurements, ...found } };
}

/** Words and flags have no line. */
export function isDrawable(field: CatalogField): boolean {
  return field.type === 'int' || field.type === 'float';
}

/** A counter is worth reading as its change; a level as its mean. */
export function standardAggregate(field: CatalogField): Aggregate {
  return field.kind === 'counter' ? 'rate' : 'mean';
}

/** The tag that tells the rows of the newest sample apart best: the one with the most values. */
export function standardTag(tags: readonly string[], rows: readonly Row[]): string {
  let best = '';
  let most = 1;
  for (const tag of tags) {
    const n = new Set(rows.map((row) => row.tags[tag])).size;
    if (n > most) [best, most] = [tag, n];
  }
  return best;
}

/** The values of a tag in the newest sample, in order. */
export function tagValues(rows: readonly Row[], tag: string): string[] {
  return [...new Set(rows.map((row) => row.tags[tag] ?? ''))]
    .filter(Boolean)
    .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
}

export function metricPanel(catalog: Catalog, choice: Choice): PanelSpec | null {
  const declared = catalog.measurements[choice.measurement]?.fields[choice.field];
  if (declared === undefined || !isDrawable(declared)) return null;
  const unit = choice.aggregate === 'rate' ? perSecond(declared.unit) : choice.aggregate === 'count' ? '1' : declared.unit;
  const percent = unit === 'percent';
  return {
    id: `${choice.measurement} ${choice.field}`,
    title: `${choice.measurement} ${choice.field}`,
    sources: [
      {
        measurement: choice.measurement,
        field: choice.field,
        aggregate: choice.aggregate,
        ...(choice.by === '' ? {} : { by: [choice.by] }),
        where: Object.entries(choice.only).map(([tag, value]) => `${tag}:${escapeValue(value)}`),
        band: choice.aggregate === 'mean',
      },
    ],
    build(columns, { interval }) {
      const [own] = columns;
      if (own === undefined) return null;
      const raw = linesOf(own, ({ tags }) => (choice.by === '' ? choice.field : (tags[choice.by] ?? '')), interval);
      const base = { kind: 'lines' as const, times: own.times, step: own.step, limits: [] };
      const { low, high } = extent({ ...base, lines: raw, y: { kind: 'zero' }, unit: '', unitWords: '', now: [] });
      const scale = scaleFor(unit, Math.max(Math.abs(low), high));
      const shrink = (values: (typeof raw)[number]['values']) =>
        values.map((value) => (typeof value === 'number' ? value / scale.divisor : value));
      const single = raw.length === 1;
      const lines = raw.map((line) => ({
        label: line.label,
        color: single ? '--ink' : line.color,
        values: shrink(line.values),
        ...(line.min === undefined || line.max === undefined ? {} : { min: shrink(line.min), max: shrink(line.max) }),
      }));
      const more = own.series.length - raw.length;
      const said = [scale.unit, choice.aggregate === 'rate' ? '' : choice.aggregate, more > 0 ? `${more} more not drawn` : '']
        .filter(Boolean)
        .join(', ');
      return {
        ...base,
        lines,
        y:
          percent && high <= 105 && low >= 0
            ? { kind: 'fixed', low: 0, high: 100 }
            : low > 0 && !/bytes|\/s$/.test(unit)
              ? { kind: 'data' }
              : { kind: 'zero' },
        unit: scale.unit,
        unitWords: said,
        now: lines.slice(0, 3).map(({ values }) => newest(values)),
      };
    },
  };
}
