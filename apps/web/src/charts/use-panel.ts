import { keepPreviousData, useQueries } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { ApiError } from '../api/client.ts';
import { fetchSeries, type SeriesAsk, type Span } from '../api/series.ts';
import type { HostDetail, LiveSample, SeriesAnswer } from '../api/types.ts';
import { serverNow } from '../live/now.ts';
import { type ChartModel, cutsOf, type Gap, gapsOf } from './model.ts';
import { type PanelSpec, type Source, toAsk } from './panel.ts';
import { type Columns, extend, toColumns } from './tail.ts';

export interface PanelInput {
  /** Null: what is drawn belongs to no host. */
  readonly host: string | null;
  /** Name of the range for the cache, and whether it follows the present. */
  readonly rangeKey: string;
  readonly live: boolean;
  readonly from: number;
  readonly to: number;
  /** Width of a bucket and interval of the samples, ms. */
  readonly step: number;
  readonly interval: number;
  readonly detail: HostDetail | null;
  readonly samples: readonly LiveSample[];
  /** Stretches in which the host says that samples are missing. */
  readonly known?: readonly Gap[];
  /** How often a live range is asked again, ms; default once a minute, for what live samples keep current. */
  readonly refresh?: number;
}

interface Answered {
  readonly answer: SeriesAnswer;
  readonly askedAt: number;
}

const REFRESH = 60_000;

/** The answer to a question about what nobody has written yet. */
async function fetchOptional(ask: SeriesAsk, span: Span, signal: AbortSignal): Promise<SeriesAnswer> {
  try {
    return await fetchSeries(ask, span, signal);
  } catch (error) {
    if (!(error instanceof ApiError) || !['unknown-measurement', 'unknown-field'].includes(error.code)) throw error;
    const { measurement, field, aggregate } = ask;
    return { measurement, field, aggregate, step: span.step, unit: null, times: [], series: [], query: '' };
  }
}

/** Asks what a panel needs, adds what comes live, and builds its chart. */
export function usePanel(spec: Readonly<Ref<PanelSpec>>, input: Readonly<Ref<PanelInput>>) {
  // Of the input only these decide what is asked; the rest moves every second.
  const host = computed(() => input.value.host);
  const rangeKey = computed(() => input.value.rangeKey);
  const step = computed(() => input.value.step);
  const live = computed(() => input.value.live);
  const refresh = computed(() => input.value.refresh ?? REFRESH);
  const banded = computed(() => input.value.step > input.value.interval * 1.5);

  const asks = computed(() =>
    spec.value.sources.flatMap((source, n) => {
      // Where a bucket holds one sample, its extremes are the sample itself.
      const aggregates = source.band === true && banded.value ? (['mean', 'min', 'max'] as const) : [source.aggregate];
      return aggregates.map((aggregate) => ({ source, n, aggregate }));
    }),
  );
  const answers = useQueries({
    queries: computed(() =>
      asks.value.map(({ source, aggregate }) => {
        const ask = toAsk(source, host.value, aggregate);
        const width = step.value;
        return {
          queryKey: ['series', ask, rangeKey.value, width],
          queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Answered> => {
            const { from, to } = input.value;
            const askedAt = serverNow();
            const stretch = {
              from: Math.floor(from / width) * width,
              to: Math.ceil((input.value.live ? askedAt : to) / width) * width,
              step: width,
            };
            return { answer: await (source.optional ? fetchOptional : fetchSeries)(ask, stretch, signal), askedAt };
          },
          refetchInterval: live.value ? Math.max(refresh.value, width / 2) : (false as const),
          placeholderData: keepPreviousData,
        };
      }),
    ),
  });

  const columns = computed<readonly Columns[] | null>(() => {
    const result: Columns[] = [];
    for (const [n, source] of spec.value.sources.entries()) {
      const one = columnsOf(n, source);
      if (one === null) return null;
      result.push(one);
    }
    return result;
  });

  function columnsOf(n: number, source: Source): Columns | null {
    const found = (aggregate: string): Answered | undefined =>
      answers.value[asks.value.findIndex((ask) => ask.n === n && ask.aggregate === aggregate)]?.data as Answered | undefined;
    const mean = found(source.aggregate);
    if (mean === undefined) return null;
    const ask = toAsk(source, input.value.host);
    const own = toColumns(mean.answer, found('min')?.answer, found('max')?.answer, ask.groupBy);
    return input.value.live ? extend(own, input.value.samples, ask, mean.askedAt) : own;
  }

  const model = computed<ChartModel | null>(() =>
    columns.value === null ? null : spec.value.build(columns.value, { detail: input.value.detail, interval: input.value.interval }),
  );
  const gaps = computed<readonly Gap[]>(() => {
    const { value } = model;
    if (value === null) return [];
    const silent = gapsOf(value, Math.min(input.value.to, serverNow()), Math.max(input.value.interval, value.step));
    return cutsOf(value, silent, input.value.known ?? []);
  });
  const error = computed(() => (answers.value.find(({ error }) => error !== null)?.error as Error | undefined) ?? null);
  const answeredAt = computed(() => {
    const times = answers.value.map(({ dataUpdatedAt }) => dataUpdatedAt).filter((time) => time > 0);
    return times.length === 0 ? null : Math.min(...times);
  });
  const loading = computed(() => columns.value === null && error.value === null);
  const again = (): void => {
    for (const answer of answers.value) void answer.refetch();
  };
  return { model, gaps, error, answeredAt, loading, again };
}
