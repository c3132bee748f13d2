import type { SeriesAsk } from '../api/series.ts';
import type { LiveSample, SeriesAnswer } from '../api/types.ts';

/** The answer of a source: aligned columns, optionally with the extremes of each bucket. */
export interface Columns {
  readonly times: readonly number[];
  readonly step: number;
  readonly unit: string | null;
  readonly series: readonly Column[];
}

export interface Column {
  readonly tags: Readonly<Record<string, string>>;
  readonly values: readonly (number | null)[];
  readonly min?: readonly (number | null)[];
  readonly max?: readonly (number | null)[];
}

/** A sample counts as already in an answer if it is this much older than the answer, ms. */
const SETTLED = 2000;

const keyOf = (tags: Readonly<Record<string, string>>, names: readonly string[]): string =>
  names.map((name) => tags[name] ?? '').join('\n');

/** One column set out of the answers for mean, min and max. */
export function toColumns(
  mean: SeriesAnswer,
  min: SeriesAnswer | undefined,
  max: SeriesAnswer | undefined,
  groupBy: readonly string[],
): Columns {
  const index = (answer: SeriesAnswer | undefined) =>
    new Map(answer?.times[0] === mean.times[0] ? answer?.series.map((one) => [keyOf(one.tags, groupBy), one.values]) : []);
  const lows = index(min);
  const highs = index(max);
  return {
    times: mean.times,
    step: mean.step,
    unit: mean.unit,
    series: mean.series.map(({ tags, values }) => {
      const low = lows.get(keyOf(tags, groupBy));
      const high = highs.get(keyOf(tags, groupBy));
      return { tags, values, ...(low === undefined || high === undefined ? {} : { min: low, max: high }) };
    }),
  };
}

function fits(ask: SeriesAsk, tags: Readonly<Record<string, string>>): boolean {
  return (ask.where ?? []).every((condition) => {
    const [name = '', value = ''] = condition.replace(/^!/, '').split(/(?<!\\):/);
    return (tags[name] === value.replace(/\\(.)/g, '$1')) !== condition.startsWith('!');
  });
}

/** The values of one live sample that `ask` asks for: group key -> value. */
function valuesIn(sample: LiveSample, ask: SeriesAsk): Map<string, { tags: Record<string, string>; value: number }> {
  const rows = (ask.aggregate === 'rate' ? sample.rates : sample.latest)[ask.measurement] ?? [];
  const found = new Map<string, { tags: Record<string, string>; value: number }>();
  for (const { tags, fields } of rows) {
    const raw = fields[ask.field];
    const value = typeof raw === 'string' || typeof raw === 'number' ? Number(raw) : Number.NaN;
    if (!Number.isFinite(value) || !fits(ask, tags)) continue;
    const own = Object.fromEntries(ask.groupBy.map((name) => [name, name === 'host' ? sample.host : (tags[name] ?? '')]));
    found.set(keyOf(own, ask.groupBy), { tags: own, value });
  }
  return found;
}

/**
 * `columns` with what came live since they were asked for (at `askedAt`, ms): new buckets are added, the newest one
 * becomes the mean of what it had and what came.
 */
export function extend(columns: Columns, samples: readonly LiveSample[], ask: SeriesAsk, askedAt: number): Columns {
  const fresh = samples.filter(({ time, latest }) => time > askedAt - SETTLED && latest[ask.measurement] !== undefined);
  const first = columns.times[0];
  const newest = fresh.at(-1);
  if (newest === undefined || first === undefined || fresh[0] === undefined || fresh[0].time < first) return columns;
  const { step } = columns;
  const length = Math.max(columns.times.length, Math.floor((newest.time - first) / step) + 1);
  const times = Array.from({ length }, (_, i) => first + i * step);
  const grown = new Map(columns.series.map((one) => [keyOf(one.tags, ask.groupBy), open(one, length)]));
  const before = new Map([...grown].map(([key, one]) => [key, [...one.values]]));
  const came = new Map<string, { sum: number; n: number }>();
  for (const sample of fresh) {
    const at = Math.floor((sample.time - first) / step);
    for (const [key, { tags, value }] of valuesIn(sample, ask)) {
      const one = grown.get(key) ?? open({ tags, values: [] }, length);
      grown.set(key, one);
      const place = `${key}\n${at}`;
      const { sum, n } = came.get(place) ?? { sum: 0, n: 0 };
      came.set(place, { sum: sum + value, n: n + 1 });
      const old = before.get(key)?.[at] ?? null;
      const had =
        old === null
          ? 0
          : Math.max(1, Math.round((Math.min(askedAt, first + (at + 1) * step) - (first + at * step)) / (sample.interval * 1000)));
      one.values[at] = ((old ?? 0) * had + sum + value) / (had + n + 1);
      if (one.min !== undefined) one.min[at] = Math.min(one.min[at] ?? value, value);
      if (one.max !== undefined) one.max[at] = Math.max(one.max[at] ?? value, value);
    }
  }
  return { ...columns, times, series: [...grown.values()] };
}

function open(column: Column, length: number) {
  const pad = (values: readonly (number | null)[]): (number | null)[] => Array.from({ length }, (_, i) => values[i] ?? null);
  return {
    tags: column.tags,
    values: pad(column.values),
    ...(column.min === undefined || column.max === undefined ? {} : { min: pad(column.min), max: pad(column.max) }),
  };
}
