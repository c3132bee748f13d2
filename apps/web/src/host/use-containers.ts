import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';
import { api, body } from '../api/client.ts';
import type { HostDetail } from '../api/types.ts';

/** The containers of a host, asked for again with each sample that has them. */
export function useContainers(host: Readonly<Ref<string>>, detail: Readonly<Ref<HostDetail | null>>) {
  const sampled = computed(() => detail.value?.latest['docker']?.time ?? 0);
  return useQuery({
    queryKey: ['containers', host, sampled],
    queryFn: ({ signal }) => body(api.GET('/api/hosts/{host}/containers', { params: { path: { host: host.value } }, signal })),
    placeholderData: keepPreviousData,
  });
}
