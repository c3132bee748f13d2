import type { InjectionKey, Ref } from 'vue';

/** The moment that a page looks at beside now; charts set it, and show their values of it. Times are ms. */
export interface Moment {
  /** Pinned, or else where the cursor of a chart rests; null: now. */
  readonly at: Readonly<Ref<number | null>>;
  readonly pinned: Readonly<Ref<number | null>>;
  /** The cursor stands on this time, or on none. */
  hover(time: number | null): void;
  /** Stays until it is pinned elsewhere, or nowhere. */
  pin(time: number | null): void;
}

export const MOMENT: InjectionKey<Moment> = Symbol('moment');

/** The bucket in which a moment lies; null where the chart has none. `step` in ms. */
export function bucketAt(times: readonly number[], step: number, at: number | null): number | null {
  if (at === null) return null;
  const index = times.findIndex((time) => time <= at && at < time + step);
  return index < 0 ? null : index;
}
