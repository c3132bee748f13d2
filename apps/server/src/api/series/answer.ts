import type { QueryResponse, QueryValue } from '@hostwire/store';
import { ApiError } from '../errors.ts';
import type { SeriesAnswerBody } from '../schemas.ts';
import { bucketRange, MAX_SERIES, type SeriesPlan } from './statement.ts';

/** Buckets times series of one answer: some 10 MB of JSON. */
export const MAX_VALUES = 1_000_000;
/** How the stores say that a question is too large for them (InfluxDB: its max-select limits). */
const TOO_LARGE = /^hostwire: .*\bnarrow\b|^max-select-/;
const ADVICE = 'ask for a larger step or a shorter range, name hosts, or group by fewer tags';

/** The store's answer as aligned columns: one value, or null, for each bucket of the whole range. Throws ApiError. */
export function toColumns(plan: SeriesPlan, response: QueryResponse): Pick<SeriesAnswerBody, 'times' | 'series'> {
  const result = response.results[0];
  if (result?.error !== undefined) {
    if (TOO_LARGE.test(result.error)) {
      throw new ApiError('too-many-values', `That is more than the store holds for one answer: ${ADVICE}.`);
    }
    throw new ApiError('store-failed', `The store could not answer: ${result.error}`);
  }
  const found = result?.series ?? [];
  if (found.length > MAX_SERIES) {
    throw new ApiError(
      'too-many-series',
      `That is ${found.length} series; at most ${MAX_SERIES} are answered: name hosts, or group by fewer tags.`,
    );
  }
  const { from, to } = bucketRange(plan);
  const count = Math.round((to - from) / plan.step);
  if (count * found.length > MAX_VALUES) {
    throw new ApiError(
      'too-many-values',
      `That is ${found.length} series of ${count} buckets; at most ${MAX_VALUES} values are answered: ${ADVICE}.`,
    );
  }
  const times = Array.from({ length: count }, (_, index) => from + index * plan.step);
  const series = found.map(({ tags, values }) => {
    const column = new Array<number | null>(count).fill(null);
    for (const [time, value] of values) {
      const index = (Number(time) - from) / plan.step;
      // The bucket that only leads in to a rate lies before the first.
      if (Number.isInteger(index) && index >= 0 && index < count) column[index] = toNumber(value);
    }
    return { tags: Object.fromEntries(plan.groupBy.map((tag) => [tag, tags?.[tag] ?? ''])), values: column };
  });
  return { times, series };
}

function toNumber(value: QueryValue | undefined): number | null {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return null;
}
