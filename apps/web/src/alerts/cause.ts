import type { Alert } from '../api/types.ts';
import { bridge, type Limit, newest } from '../charts/model.ts';
import type { PanelSpec, Source } from '../charts/panel.ts';
import { scaleFor } from '../format/unit.ts';

interface Shown {
  readonly title: string;
  readonly source: Source;
  readonly unit: string;
  readonly percent: boolean;
}

const CPU: Shown = {
  title: 'CPU',
  source: { measurement: 'cpu', field: 'usage_active', aggregate: 'mean', where: ['cpu:cpu-total'], band: true },
  unit: 'percent',
  percent: true,
};
const KNOWN: readonly (readonly [RegExp, Shown])[] = [
  [
    /mem|swap/,
    {
      title: 'Memory',
      source: { measurement: 'mem', field: 'used_percent', aggregate: 'mean', band: true },
      unit: 'percent',
      percent: true,
    },
  ],
  [
    /disk|filesystem|storage/,
    {
      title: 'Fullest file systems',
      source: { measurement: 'disk', field: 'used_percent', aggregate: 'max' },
      unit: 'percent',
      percent: true,
    },
  ],
  [/temp/, { title: 'Hottest sensor', source: { measurement: 'temp', field: 'temp', aggregate: 'max' }, unit: 'celsius', percent: false }],
  [/load/, { title: 'Load', source: { measurement: 'system', field: 'load1', aggregate: 'mean', band: true }, unit: '1', percent: false }],
];

/** The series that shows why an alert fires, with its limit. For a silent host, the last of its CPU. */
export function causePanel(alert: Alert): PanelSpec {
  const rule = alert.rule.toLowerCase();
  const shown = KNOWN.find(([pattern]) => pattern.test(rule))?.[1] ?? CPU;
  const limited = alert.threshold !== null && !/offline/.test(rule);
  return {
    id: 'cause',
    title: shown.title,
    sources: [shown.source],
    build(columns, { interval }) {
      const [own] = columns;
      const first = own?.series[0];
      if (own === undefined) return null;
      const lines =
        first === undefined || first.values.every((value) => value === null)
          ? []
          : [
              {
                label: shown.title,
                color: '--ink',
                values: bridge(first.values, own.step, interval),
                ...(first.min && first.max ? { min: first.min, max: first.max } : {}),
              },
            ];
      const limits: Limit[] =
        limited && alert.threshold !== null
          ? [{ at: alert.threshold, words: `${alert.severity} ${alert.threshold}`, tone: alert.severity === 'critical' ? 'crit' : 'warn' }]
          : [];
      const { unit } = scaleFor(shown.unit, 1);
      return {
        kind: 'lines',
        times: own.times,
        step: own.step,
        lines,
        y: shown.percent
          ? { kind: 'fixed', low: 0, high: 100 }
          : shown.unit === 'celsius'
            ? { kind: 'fixed', low: 20, high: 120 }
            : { kind: 'zero' },
        unit,
        unitWords: unit,
        limits,
        now: lines.map(({ values }) => newest(values)),
        integers: shown.unit === 'celsius',
      };
    },
  };
}
