import { useQuery } from '@tanstack/vue-query';
import { computed, onUnmounted, shallowRef, watch } from 'vue';
import { api, body } from '../api/client.ts';
import type { ServerState } from '../api/types.ts';
import { useConnection } from '../stores/connection.ts';
import { type History, remember, withLast } from './counters.ts';

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

  /** The last answer that knew of the other processes: while the store does not answer, they are shown as they were. */
  const full = shallowRef<ServerState | null>(null);
  const history = shallowRef<History>(new Map());
  watch(
    query.data,
    (state) => {
      if (state === undefined) return;
      if (state.gaps_24h !== null) full.value = state;
      history.value = remember(history.value, withLast(state, full.value).processes);
    },
    { immediate: true },
  );
  return {
    state: computed(() => (query.data.value === undefined ? null : withLast(query.data.value, full.value))),
    history,
    error: query.error,
    loading: query.isLoading,
    answeredAt: query.dataUpdatedAt,
    again: () => void query.refetch(),
  };
}
