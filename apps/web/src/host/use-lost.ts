import { useQuery } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { api, body } from '../api/client.ts';
import { serverNow } from '../live/now.ts';
import { type Lost, lostOf } from './lost.ts';
import type { Range } from './range.ts';

const DAY = 86_400_000;
const REFRESH = 60_000;

/** What the agent of a host had to give up, over the range and the last 24 hours; newest first. */
export function useLost(host: Readonly<Ref<string>>, range: Readonly<Ref<Range>>) {
  const rangeKey = computed(() => range.value.key);
  const query = useQuery({
    queryKey: ['lost', host, rangeKey],
    queryFn: ({ signal }) => {
      const now = serverNow();
      const query = { from: String(Math.floor(Math.min(range.value.from, now - DAY))), to: String(Math.ceil(now)) };
      return body(api.GET('/api/hosts/{host}/gaps', { params: { path: { host: host.value }, query }, signal }));
    },
    refetchInterval: REFRESH,
    placeholderData: (before, asked) => (asked?.queryKey[1] === host.value ? before : undefined),
  });
  return {
    lost: computed<readonly Lost[]>(() => lostOf(query.data.value?.gaps ?? [])),
    error: query.error,
    asking: query.isLoading,
    again: () => void query.refetch(),
  };
}
