import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { api, body } from '../api/client.ts';

/** What ran on a host at a moment; nothing is asked while that is now (null). What is past changes seldom: late samples. */
export function useProcesses(host: Readonly<Ref<string>>, at: Readonly<Ref<number | null>>) {
  return useQuery({
    queryKey: ['processes', host, at],
    queryFn: ({ signal }) =>
      body(api.GET('/api/hosts/{host}/processes', { params: { path: { host: host.value }, query: { at: String(at.value) } }, signal })),
    enabled: computed(() => at.value !== null),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
}
