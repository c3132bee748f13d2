import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { api, body, sentence } from '../api/client.ts';
import type { HostSummary } from '../api/types.ts';
import { learnServerTime, serverNow } from '../live/now.ts';

/** The fleet as it is now: loaded once, then kept by the WebSocket's updates (or by polling). */
export const useHosts = defineStore('hosts', () => {
  const byName = shallowRef<ReadonlyMap<string, HostSummary>>(new Map());
  const loaded = ref(false);
  /** Why the last load failed; the hosts known before stay. */
  const error = ref<string | null>(null);
  const loadedAt = ref<number | null>(null);

  async function load(): Promise<void> {
    try {
      const answer = await body(api.GET('/api/hosts'));
      learnServerTime(answer.server_time);
      byName.value = new Map(answer.hosts.map((host) => [host.host, host]));
      loaded.value = true;
      error.value = null;
      loadedAt.value = serverNow();
    } catch (cause) {
      error.value = sentence(cause);
      throw cause;
    }
  }

  function merge(changed: readonly HostSummary[]): void {
    if (changed.length === 0) return;
    const next = new Map(byName.value);
    for (const host of changed) next.set(host.host, host);
    byName.value = next;
    loadedAt.value = serverNow();
    error.value = null;
  }

  /** What the server says of a host that it removed. */
  function forget(host: string): void {
    const next = new Map(byName.value);
    if (next.delete(host)) byName.value = next;
  }

  const list = computed(() => [...byName.value.values()]);
  return { byName, list, loaded, loadedAt, error, load, merge, forget };
});
