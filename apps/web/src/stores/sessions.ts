import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { api, body, patientFor, sentence } from '../api/client.ts';
import { serverNow } from '../live/now.ts';
import type { TmuxSession } from '../sessions/session.ts';

/** How long a session that was told to end may still stand in samples taken before, ms. */
const ENDING_FOR = 600_000;

/** The server waits for the agent for half a minute, ms. */
const ANSWERS_WITHIN = 40_000;

/** The tmux sessions of the fleet: loaded when first looked at, then kept by the WebSocket's word that they changed. */
export const useSessions = defineStore('sessions', () => {
  const list = shallowRef<readonly TmuxSession[]>([]);
  const loaded = ref(false);
  /** Why the last load failed; what was known before stays. */
  const error = ref<string | null>(null);
  const loadedAt = ref<number | null>(null);
  /** Somebody has looked: from then on they are kept current. */
  const wanted = ref(false);
  const ending = shallowRef<ReadonlyMap<string, number>>(new Map());

  async function load(): Promise<void> {
    wanted.value = true;
    try {
      const { sessions } = await body(api.GET('/api/sessions'));
      list.value = sessions;
      loaded.value = true;
      error.value = null;
      loadedAt.value = serverNow();
      const there = new Set(sessions.map(({ id }) => id));
      ending.value = new Map([...ending.value].filter(([id, since]) => there.has(id) && serverNow() - since < ENDING_FOR));
    } catch (cause) {
      error.value = sentence(cause);
      throw cause;
    }
  }

  /** After a change; what fails here is told by the page itself. */
  const refresh = (): Promise<void> => load().catch(() => undefined);

  /**
   * Ends a session that was just looked at, with the token of that look. Throws an ApiError, in the agent's own words if
   * that refused.
   */
  async function kill(id: string, confirm: string): Promise<void> {
    await body(api.POST('/api/sessions/{id}/kill', { params: { path: { id } }, body: { confirm }, fetch: patientFor(ANSWERS_WITHIN) }));
    ending.value = new Map(ending.value).set(id, serverNow());
    void refresh();
  }

  const ofHost = computed(() => {
    const hosts = new Map<string, TmuxSession[]>();
    for (const session of list.value) hosts.set(session.host, [...(hosts.get(session.host) ?? []), session]);
    return hosts as ReadonlyMap<string, readonly TmuxSession[]>;
  });
  return { list, ofHost, loaded, loadedAt, error, wanted, ending, load, refresh, kill };
});
