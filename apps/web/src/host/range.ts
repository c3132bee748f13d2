import { computed, type Ref, ref } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { bucketFor } from '../charts/scale.ts';
import { serverNow } from '../live/now.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Ranges that end now, and their length in ms. */
export const RANGES = {
  live: 5 * MINUTE,
  '15m': 15 * MINUTE,
  '1h': HOUR,
  '6h': 6 * HOUR,
  '12h': 12 * HOUR,
  '24h': DAY,
  '7d': 7 * DAY,
  '30d': 30 * DAY,
} as const;
export type RangeName = keyof typeof RANGES;
const STANDARD: RangeName = '1h';

/** Narrower than this nothing can be chosen. */
const LEAST = 10_000;
const MOST = 400 * DAY;

export interface Range {
  /** Name of a range that ends now, or null: a fixed stretch was chosen. */
  readonly name: RangeName | null;
  readonly from: number;
  readonly to: number;
  readonly length: number;
  /** Names the range for caches: the same text, the same stretch. */
  readonly key: string;
}

/**
 * The stretch of time that the page shows, kept in the address: `range=6h` follows the present, `from=..&to=..` stands
 * still. Each zoom is one step that `back` takes away. `now` is the end of a range that follows.
 */
export function useRange(now: Readonly<Ref<number>>) {
  const route = useRoute();
  const router = useRouter();
  const steps = ref<string[]>([]);

  const param = (name: string): string => {
    const value = route.query[name];
    return typeof value === 'string' ? value : '';
  };
  const range = computed<Range>(() => {
    const from = Number(param('from'));
    const to = Number(param('to'));
    if (param('from') !== '' && Number.isFinite(from) && Number.isFinite(to) && to - from >= 1000)
      return { name: null, from, to, length: to - from, key: `${from}-${to}` };
    const name = param('range') in RANGES ? (param('range') as RangeName) : STANDARD;
    return { name, from: now.value - RANGES[name], to: now.value, length: RANGES[name], key: name };
  });

  function go(query: Readonly<Record<string, string>>): void {
    const { range: _range, from: _from, to: _to, ...rest } = route.query;
    void router.push({ query: { ...rest, ...query } });
  }
  const here = (): string =>
    JSON.stringify(range.value.name === null ? { from: param('from'), to: param('to') } : { range: range.value.name });

  function choose(name: RangeName): void {
    steps.value = [];
    go(name === STANDARD ? {} : { range: name });
  }

  function zoom(from: number, to: number): void {
    const middle = (from + to) / 2;
    const half = Math.min(MOST, Math.max(LEAST, to - from)) / 2;
    const end = Math.min(middle + half, Math.max(serverNow(), middle));
    steps.value = [...steps.value, here()];
    go({ from: String(Math.round(end - 2 * half)), to: String(Math.round(end)) });
  }

  /** One zoom step back; without one, to the range that follows the present. */
  function back(): void {
    const last = steps.value.at(-1);
    steps.value = steps.value.slice(0, -1);
    if (last !== undefined) go(JSON.parse(last) as Record<string, string>);
    else if (range.value.name === null) go({});
  }

  /** Half a stretch earlier (-1) or later (1). */
  function shift(direction: -1 | 1): void {
    const { from, to, length } = range.value;
    const end = Math.min(serverNow(), to + (direction * length) / 2);
    if (direction > 0 && end - to < 1000) return;
    zoom(from + (end - to), end);
  }

  return { range, steps, choose, zoom, back, shift };
}

/** Width of one bucket over a range; `interval` of the samples and result in ms. */
export function stepFor(length: number, interval: number, points = 300): number {
  return bucketFor(length, interval, points);
}
