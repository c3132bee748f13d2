import { useQuery } from '@tanstack/vue-query';
import { computed, onUnmounted, shallowRef, watch } from 'vue';
import { api, body } from '../api/client.ts';
import { useConnection } from '../stores/connection.ts';
import { type History, remember } from './counters.ts';

/** What the server says of its own processes, asked every `every` ms. Shared by all that ask. */
export function useServer(every: number) {
  const connection = useConnection();
  const query = useQuery({
    queryKey: ['server'],
    queryFn: ({ signal }) => body(api.GET('/api/server', { signal })),
    refetchInterval: every,
    // A moment away from the page must not make its figures old.
    staleTime: 1000,
  });
  const forget = connection.onReturn(() => void query.refetch());
  onUnmounted(forget);

  const history = shallowRef<History>(new Map());
  watch(
    query.data,
    (state) => {
      if (state !== undefined) history.value = remember(history.value, state.processes);
    },
    { immediate: true },
  );
  return {
    state: computed(() => query.data.value ?? null),
    history,
    error: query.error,
    loading: query.isLoading,
    answeredAt: query.dataUpdatedAt,
    again: () => void query.refetch(),
  };
}
