import { escapeValue } from '../api/series.ts';
import type { Alert } from '../api/types.ts';
import { bridge, type ChartValues, type Limit, type Line, newest, type YRule } from '../charts/model.ts';
import type { PanelSpec, Source } from '../charts/panel.ts';
import { figure } from '../format/number.ts';
import { scaleFor } from '../format/unit.ts';

/** A host that is silent says nothing itself: its CPU shows when it fell silent, and what it did before. */
const CPU: Pick<Alert, 'measurement' | 'field' | 'where' | 'unit'> = {
  measurement: 'cpu',
  field: 'usage_active',
  where: { cpu: 'cpu-total' },
  unit: 'percent',
};

const FIXED: Readonly<Record<string, YRule>> = {
  percent: { kind: 'fixed', low: 0, high: 100 },
  celsius: { kind: 'fixed', low: 20, high: 120 },
  flag: { kind: 'fixed', low: 0, high: 1 },
};

/** The series that the alert was judged on, with its limit. */
export function causePanel(alert: Alert): PanelSpec {
  const judged = alert.measurement !== null && alert.field !== null;
  const { measurement, field, where, unit: unitName } = judged ? alert : CPU;
  const title = `${measurement} ${field}`;
  const source: Source = {
    measurement: measurement ?? '',
    field: field ?? '',
    // Of true and false there is no mean.
    aggregate: unitName === 'flag' ? 'last' : 'mean',
    where: Object.entries(where).map(([tag, value]) => `${tag}:${escapeValue(value)}`),
    band: unitName !== 'flag',
  };
  return {
    id: 'cause',
    title,
    sources: [source],
    build(columns, { interval }) {
      const [own] = columns;
      if (own === undefined) return null;
      const first = own.series[0];
      const known = (first?.values ?? []).filter((value) => value !== null);
      const scale = scaleFor(unitName, Math.max(0, judged ? (alert.threshold ?? 0) : 0, ...known));
      const scaled = (values: readonly (number | null)[]): ChartValues =>
        bridge(
          values.map((value) => (value === null ? null : value / scale.divisor)),
          own.step,
          interval,
        );
      const lines: Line[] =
        first === undefined || known.length === 0
          ? []
          : [
              {
                label: title,
                color: '--ink',
                values: scaled(first.values),
                ...(first.min && first.max ? { min: scaled(first.min), max: scaled(first.max) } : {}),
              },
            ];
      const limits: Limit[] = [];
      if (judged && alert.threshold !== null) {
        const at = alert.threshold / scale.divisor;
        limits.push({ at, words: `${alert.severity} ${figure(at)}`, tone: alert.severity === 'critical' ? 'crit' : 'warn' });
      }
      return {
        kind: 'lines',
        times: own.times,
        step: own.step,
        lines,
        y: FIXED[unitName ?? ''] ?? { kind: 'zero' },
        unit: scale.unit,
        unitWords: scale.unit,
        limits,
        now: lines.map(({ values }) => newest(values)),
        integers: unitName === 'celsius',
      };
    },
  };
}
