import { api, body } from './client.ts';
import type { SeriesAnswer } from './types.ts';

export type Aggregate = 'mean' | 'min' | 'max' | 'sum' | 'count' | 'first' | 'last' | 'rate';

/** One question to the store: a field of a measurement, in buckets. */
export interface SeriesAsk {
  readonly measurement: string;
  readonly field: string;
  readonly aggregate: Aggregate;
  /** Absent: every host. */
  readonly host?: string;
  readonly groupBy: readonly string[];
  /** As the API writes it: `tag:value` and `!tag:value`. */
  readonly where?: readonly string[];
}

/** Start and end in ms, on bucket boundaries; step in ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

export async function fetchSeries(ask: SeriesAsk, { from, to, step }: Span, signal?: AbortSignal): Promise<SeriesAnswer> {
  const query = {
    measurement: ask.measurement,
    field: ask.field,
    aggregate: ask.aggregate,
    from: String(from),
    to: String(to),
    step: `${step}ms`,
    ...(ask.host === undefined ? {} : { host: ask.host }),
    ...(ask.groupBy.length === 0 ? {} : { group_by: ask.groupBy.join(',') }),
    ...(ask.where === undefined || ask.where.length === 0 ? {} : { where: ask.where.join(',') }),
  };
  return body(api.GET('/api/series', { params: { query }, ...(signal === undefined ? {} : { signal }) }));
}

/** A tag value as `where` takes it. */
export function escapeValue(value: string): string {
  return value.replace(/[\\,:]/g, '\\$&');
}
