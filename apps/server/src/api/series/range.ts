import { parseDuration } from '@hostwire/model';
import { ApiError } from '../errors.ts';

/** Ms since the epoch; `to` is exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export const MAX_BUCKETS = 5000;
const WANTED_BUCKETS = 300;
/** 2200-01-01: what is beyond it is a mistake, not a time. */
const MAX_TIME = 7_258_118_400_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Steps that divide the next larger unit, so that buckets begin where people expect it. */
const NICE_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 10, 30, 100, 365].map((n) => n * DAY),
];

/** The range asked for: ms, ISO 8601, `now`, or relative to `now` such as `-1h`. Throws ApiError `invalid`. */
export function parseRange(from: string | undefined, to: string | undefined, now: number): Range {
  const range = { from: parseTime('from', from ?? '-1h', now), to: parseTime('to', to ?? 'now', now) };
  if (range.from >= range.to) throw new ApiError('invalid', '`from` must be before `to`.');
  return range;
}

/** One moment, as in `parseRange`; `name` is that of the parameter. */
export function parseTime(name: string, text: string, now: number): number {
  const time = readTime(text.trim(), now);
  if (time === null || !(time >= 0) || time > MAX_TIME) {
    throw new ApiError(
      'invalid',
      `\`${name}\` must be ms since the epoch, ISO 8601 such as 2026-04-22T09:00:00Z, now, or relative such as -1h.`,
    );
  }
  return time;
}

function readTime(text: string, now: number): number | null {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  if (text === 'now') return now;
  if (text.startsWith('-')) {
    const back = parseDuration(text.slice(1));
    return back === null ? null : Math.round(Math.max(0, now - back));
  }
  // Without an offset it would be this machine's local time.
  return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : null;
}

/** One bucket in ms: as asked for, or about 300 over the range and at least the interval. Throws ApiError. */
export function chooseStep(step: string | undefined, range: Range, intervalMs: number): number {
  const chosen = step === undefined ? niceStep(Math.max((range.to - range.from) / WANTED_BUCKETS, intervalMs)) : parseStep(step);
  const buckets = Math.ceil(range.to / chosen) - Math.floor(range.from / chosen);
  if (buckets > MAX_BUCKETS) {
    throw new ApiError(
      'too-many-buckets',
      `That is ${buckets} buckets; at most ${MAX_BUCKETS} are answered: ask for a larger step or a shorter range.`,
    );
  }
  return chosen;
}

function parseStep(text: string): number {
  const step = /^\d{1,12}$/.test(text) ? Number(text) : parseDuration(text);
  if (step === null || !Number.isInteger(step) || step < 1) {
    throw new ApiError('invalid', '`step` must be whole ms or a duration such as 10s, 5m, 1h.');
  }
  return step;
}

function niceStep(atLeast: number): number {
  return NICE_STEPS.find((step) => step >= atLeast) ?? Math.ceil(atLeast / DAY) * DAY;
}
