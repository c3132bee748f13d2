import { useQuery } from '@tanstack/vue-query';
import { computed, onUnmounted, type Ref, watch } from 'vue';
import { api, body } from '../api/client.ts';
import type { HostDetail, HostSummary, LiveSample } from '../api/types.ts';
import { useConnection } from '../stores/connection.ts';
import { useHosts } from '../stores/hosts.ts';
import { useSamples } from '../stores/samples.ts';

const NONE: readonly LiveSample[] = [];

/** All that is known of one host now: asked once in a while, kept current by its live samples. */
export function useHost(name: Readonly<Ref<string>>) {
  const connection = useConnection();
  const hosts = useHosts();
  const store = useSamples();

  const query = useQuery({
    queryKey: ['host', name],
    queryFn: ({ signal }) => body(api.GET('/api/hosts/{host}', { params: { path: { host: name.value } }, signal })),
    refetchInterval: 60_000,
  });
  watch(name, (host) => connection.watch([host]), { immediate: true });
  const forget = connection.onReturn(() => void query.refetch());
  onUnmounted(() => {
    connection.watch([]);
    forget();
  });

  const samples = computed(() => store.byHost.get(name.value) ?? NONE);
  const summary = computed<HostSummary | null>(() => hosts.byName.get(name.value) ?? query.data.value?.summary ?? null);
  const detail = computed<HostDetail | null>(() => {
    const base = query.data.value;
    if (base === undefined) return null;
    const latest = { ...base.latest };
    const rates = { ...base.rates };
    for (const { time, tier, latest: rows, rates: changes } of samples.value.slice(-3)) {
      for (const [measurement, own] of Object.entries(rows)) {
        if ((latest[measurement]?.time ?? 0) <= time) latest[measurement] = { time, tier, rows: [...own] };
      }
      for (const [measurement, own] of Object.entries(changes)) rates[measurement] = [...own];
    }
    return { ...base, summary: summary.value ?? base.summary, latest, rates };
  });
  return { detail, summary, samples, error: query.error, loading: query.isLoading, again: () => void query.refetch() };
}
