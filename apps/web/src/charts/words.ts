import { count, DASH, figure, whole } from '../format/number.ts';
import { clock } from '../format/time.ts';
import { type ChartModel, type ChartValues, type Gap, newest } from './model.ts';

export function writeValue(model: Pick<ChartModel, 'integers'>, value: number | null | undefined): string {
  return model.integers ? whole(value) : figure(value);
}

/** "CPU, 1 h: user mean 13.1 %, highest 79.6 % at 03:12, now 34.8 %; 1 gap": a chart for those who do not see it. */
export function chartWords(title: string, range: string, model: ChartModel, gaps: readonly Gap[]): string {
  const unit = model.unit === '' ? '' : ` ${model.unit}`;
  const parts = model.lines.slice(0, 8).map(({ label, values }) => {
    const facts = summary(values, model.times);
    if (facts === null) return `${label} no data`;
    const current = newest(values);
    const now = current === null ? DASH : `${writeValue(model, current)}${unit}`;
    return `${label} mean ${writeValue(model, facts.mean)}${unit}, highest ${writeValue(model, facts.highest)}${unit} at ${clock(facts.at)}, now ${now}`;
  });
  const rest = model.lines.length > 8 ? [`${model.lines.length - 8} more`] : [];
  const silent = gaps.length === 0 ? [] : [count(gaps.length, 'gap')];
  return `${title}, ${range}: ${[...parts, ...rest, ...silent].join('; ')}`;
}

function summary(values: ChartValues, times: readonly number[]): { mean: number; highest: number; at: number } | null {
  let sum = 0;
  let n = 0;
  let highest = Number.NEGATIVE_INFINITY;
  let at = 0;
  values.forEach((value, i) => {
    if (typeof value !== 'number') return;
    sum += value;
    n += 1;
    if (value > highest) {
      highest = value;
      at = times[i] ?? 0;
    }
  });
  return n === 0 ? null : { mean: sum / n, highest, at };
}
