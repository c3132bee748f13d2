import type { ChartModel } from './model.ts';
import { extent } from './model.ts';

/** A y range with its ticks: at most four, all round. */
export interface YScale {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

/** Less than this is drawn as zero: nothing that is measured is so small. */
const NOTHING = 1e-9;

const NICE = [1, 2, 2.5, 5, 10] as const;

/** The next 1, 2, 2.5, 5 x 10^n at or over a positive value. */
export function niceOver(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const base = 10 ** Math.floor(Math.log10(value));
  for (const factor of NICE) {
    // A hair of tolerance, or 0.1 + 0.2 would need a scale of its own.
    if (factor * base >= value * (1 - 1e-9)) return factor * base;
  }
  return 10 * base;
}

function fixed(low: number, high: number): YScale {
  return { low, high, ticks: [low, (low + high) / 2, high] };
}

/** From zero up to a round number over `high`; below zero likewise for what is drawn downwards. */
function fromZero(low: number, high: number): YScale {
  const up = high > NOTHING ? niceOver(high) : 0;
  const down = low < -NOTHING ? niceOver(-low) : 0;
  if (down === 0) return fixed(0, up === 0 ? 1 : up);
  // Both sides share one step, so that the same height means the same on both.
  const large = Math.max(up, down);
  const small = Math.min(up, down);
  const step = small > large / 2 ? large : large / 2;
  const top = up === 0 ? 0 : Math.ceil(up / step - 1e-9) * step;
  const bottom = Math.ceil(down / step - 1e-9) * step;
  const ticks: number[] = [];
  for (let value = -bottom; value <= top + step / 1000; value += step) ticks.push(value);
  return { low: -bottom, high: top, ticks };
}

/** Around the data with 5 % room; never so narrow that noise fills the chart. */
function around(low: number, high: number): YScale {
  const least = Math.max(Math.abs(high) * 0.01, 0.01);
  const middle = (low + high) / 2;
  const half = Math.max(high - low, least) * 0.55;
  const step = niceOver((2 * half) / 3);
  const from = Math.floor((middle - half) / step) * step;
  const to = Math.ceil((middle + half) / step) * step;
  const ticks: number[] = [];
  const stride = Math.ceil((to - from) / step / 3) * step;
  for (let value = from; value <= to + step / 1000; value += stride) ticks.push(Number(value.toPrecision(12)));
  return { low: from, high: to, ticks };
}

/** The y range of a model. While live (`grown` is the range so far) it only grows. */
export function yScale(model: ChartModel, grown: YScale | null = null): YScale {
  const { y } = model;
  if (y.kind === 'fixed') return fixed(y.low, y.high);
  const { low, high } = extent(model);
  const bottom = Math.min(low, grown?.low ?? low);
  const top = Math.max(high, ...model.limits.map(({ at }) => at), grown?.high ?? high);
  if (y.kind === 'data' && low > 0) return around(bottom, top);
  return fromZero(Math.min(0, bottom), top);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const X_STEPS = [
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  4 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  5 * DAY,
  7 * DAY,
  14 * DAY,
] as const;
/** Least distance of two labels, px. */
const X_APART = 74;

/** Times of the labels under a chart, round in local time. `width` px for from..to (ms). */
export function xTicks(from: number, to: number, width: number): number[] {
  const least = ((to - from) * X_APART) / Math.max(1, width);
  const step = X_STEPS.find((one) => one >= least) ?? 30 * DAY;
  const ticks: number[] = [];
  // Round in local time: the offset is that of the tick itself, so that summer time does not shift the rest.
  const offset = (time: number): number => new Date(time).getTimezoneOffset() * MINUTE;
  let time = Math.ceil((from - offset(from)) / step) * step + offset(from);
  for (; time <= to && ticks.length < 50; time += step) ticks.push(time + offset(time) - offset(from));
  return ticks;
}

const BUCKETS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400].map(
  (s) => s * SECOND,
);

/** Width of one bucket: round, at least the interval, and no more than about `points` in the span; ms. */
export function bucketFor(span: number, interval: number, points: number): number {
  const least = Math.max(interval, span / points);
  return BUCKETS.find((bucket) => bucket >= least * 0.999) ?? DAY;
}
