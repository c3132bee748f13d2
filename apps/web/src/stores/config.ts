import { defineStore } from 'pinia';
import { computed, ref } from 'vue';
import { api, body, sentence } from '../api/client.ts';
import type { ServerConfig } from '../api/types.ts';

/** The server's configuration, and what it warns of. */
export const useConfig = defineStore('config', () => {
  const config = ref<ServerConfig | null>(null);
  /** Why it was not loaded; what was known before stays. */
  const error = ref<string | null>(null);

  async function load(): Promise<void> {
    try {
      config.value = await body(api.GET('/api/config'));
      error.value = null;
    } catch (cause) {
      error.value = sentence(cause);
      throw cause;
    }
  }

  const warnings = computed(() => config.value?.warnings ?? []);
  return { config, error, warnings, load };
});
