import { useQuery } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { ApiError } from '../api/client.ts';
import { escapeValue, fetchSeries } from '../api/series.ts';
import { bucketFor } from '../charts/scale.ts';
import { serverNow } from '../live/now.ts';
import type { Values } from '../parts/spark.ts';
import type { TmuxSession } from './session.ts';

const POINTS = 120;
/** What is older does not say what a session is now. */
const LONGEST = 90 * 86_400_000;
const INTERVAL = 30_000;

/** The CPU of a session since it was created, at most 90 days; null until it is known. */
export function useSessionLine(session: Readonly<Ref<TmuxSession>>) {
  const id = computed(() => session.value.id);
  const query = useQuery({
    queryKey: ['session-line', id],
    queryFn: async ({ signal }): Promise<Values> => {
      const { host, user, name, created } = session.value;
      const to = serverNow();
      const from = Math.max(created ?? to - 86_400_000, to - LONGEST);
      const step = bucketFor(Math.max(60_000, to - from), INTERVAL, POINTS);
      const where = [`user:${escapeValue(user)}`, `session:${escapeValue(name)}`];
      const ask = { measurement: 'tmux_session', field: 'cpu_usage', aggregate: 'max', host, groupBy: ['host'], where } as const;
      const span = { from: Math.floor(from / step) * step, to: Math.ceil(to / step) * step, step };
      try {
        return (await fetchSeries(ask, span, signal)).series[0]?.values ?? [];
      } catch (error) {
        if (error instanceof ApiError && ['unknown-measurement', 'unknown-field'].includes(error.code)) return [];
        throw error;
      }
    },
    refetchInterval: 60_000,
  });
  return { line: computed(() => query.data.value ?? null), error: query.error };
}
