/** What a chart draws, in numbers that are already in its unit. Nothing here knows a canvas. */

/** null: no sample in that bucket. undefined: none, but too short a silence to be a gap; the line goes on. */
export type ChartValues = readonly (number | null | undefined)[];

export interface Line {
  readonly label: string;
  /** Name of a colour token, such as --series-1. */
  readonly color: string;
  readonly values: ChartValues;
  /** Extremes of each bucket, where they were asked for. */
  readonly min?: ChartValues;
  readonly max?: ChartValues;
  /** Drawn downwards from the zero line: out, written. */
  readonly down?: boolean;
}

export interface Limit {
  readonly at: number;
  readonly words: string;
  readonly tone: 'crit' | 'warn' | 'mute';
}

/** How the y range is chosen: a fixed range, or from zero to a round number over the largest value, or around the data. */
export type YRule =
  | { readonly kind: 'fixed'; readonly low: number; readonly high: number }
  | { readonly kind: 'zero' }
  | { readonly kind: 'data' };

export interface ChartModel {
  /** `stack`: layers on one another; `lines`: beside one another; `heat`: one row of cells a line. */
  readonly kind: 'stack' | 'lines' | 'heat';
  /** Start of each bucket, ms since the epoch. */
  readonly times: readonly number[];
  /** ms. */
  readonly step: number;
  readonly lines: readonly Line[];
  readonly y: YRule;
  /** Beside the title: "% of 48 threads". */
  readonly unitWords: string;
  /** Beside a value: "%". */
  readonly unit: string;
  readonly limits: readonly Limit[];
  /** The current values, in the legend's order; fewer where one says it all. */
  readonly now: readonly (number | null)[];
  /** Counts and degrees, which have no decimals. */
  readonly integers?: boolean;
}

/** A stretch without any sample, ms. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/**
 * Values in which silences shorter than two intervals do not count: buckets as wide as the interval miss one now and
 * then. `interval` in ms.
 */
export function bridge(values: readonly (number | null)[], step: number, interval: number): ChartValues {
  const most = Math.max(0, Math.ceil((2 * interval) / step) - 1);
  const result: (number | null | undefined)[] = [...values];
  let from = 0;
  for (let i = 0; i <= values.length; i++) {
    if (i < values.length && values[i] === null) continue;
    const length = i - from;
    if (length > 0 && length <= most && from > 0 && i < values.length) result.fill(undefined, from, i);
    from = i + 1;
  }
  return result;
}

/** Stretches in which no line has a value: between samples, and from the last one to `now` if it is longer than two intervals. */
export function gapsOf(model: Pick<ChartModel, 'times' | 'step' | 'lines'>, now: number, interval: number): Gap[] {
  const { times, step, lines } = model;
  const silent = (i: number): boolean => lines.every(({ values }) => values[i] === null);
  const gaps: Gap[] = [];
  let last = -1;
  for (let i = 0; i < times.length; i++) {
    if (silent(i)) continue;
    if (last >= 0 && i - last > 1) gaps.push({ from: (times[last] as number) + step, to: times[i] as number });
    last = i;
  }
  const end = last < 0 ? Number.NaN : (times[last] as number) + step;
  if (now - end > 2 * interval) gaps.push({ from: end, to: now });
  return gaps;
}

/** Stretches in order, those that touch as one. */
export function joined(gaps: readonly Gap[]): Gap[] {
  const result: Gap[] = [];
  for (const gap of [...gaps].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && gap.from <= last.to) result[result.length - 1] = { from: last.from, to: Math.max(last.to, gap.to) };
    else result.push(gap);
  }
  return result;
}

/**
 * The stretches across which no line may go: those without a sample, and the `known` ones that the host told of, also
 * where they are narrower than a bucket. What was measured inside a known one stays.
 */
export function cutsOf(model: Pick<ChartModel, 'times' | 'step' | 'lines'>, silent: readonly Gap[], known: readonly Gap[]): Gap[] {
  const { times, step, lines } = model;
  const cuts = [...silent];
  for (const { from, to } of known) {
    let at = from;
    times.forEach((time, i) => {
      // A record may fold two gaps into one: between them there are samples.
      if (time < from || time + step > to || lines.every(({ values }) => typeof values[i] !== 'number')) return;
      if (time > at) cuts.push({ from: at, to: time });
      at = time + step;
    });
    // A single sample that is missing has no length, and is seen all the same.
    if (at < to || at === from) cuts.push({ from: at, to: Math.max(to, at + 1) });
  }
  return joined(cuts);
}

/** Each layer with those below it added, first layer at the bottom. */
export function cumulate(lines: readonly Line[]): ChartValues[] {
  const below: number[] = [];
  return lines.map(({ values }) =>
    values.map((value, i) => {
      if (value === null || value === undefined) return value;
      below[i] = (below[i] ?? 0) + value;
      return below[i];
    }),
  );
}

/** Largest and smallest value that will be drawn, bands included; zeros if there is none. `down` lines count negative. */
export function extent(model: ChartModel): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const see = (values: ChartValues, sign: number): void => {
    for (const value of values) {
      if (typeof value !== 'number') continue;
      low = Math.min(low, sign * value);
      high = Math.max(high, sign * value);
    }
  };
  if (model.kind === 'stack') for (const values of cumulate(model.lines)) see(values, 1);
  else {
    for (const { values, min, max, down } of model.lines) {
      const sign = down ? -1 : 1;
      see(values, sign);
      see(min ?? [], sign);
      see(max ?? [], sign);
    }
  }
  return low > high ? { low: 0, high: 0 } : { low, high };
}

/** The newest known value of a line, if it is not older than `buckets` buckets. */
export function newest(values: ChartValues, buckets = 3): number | null {
  for (let i = values.length - 1; i >= Math.max(0, values.length - buckets); i--) {
    const value = values[i];
    if (typeof value === 'number') return value;
  }
  return null;
}
