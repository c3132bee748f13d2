import { defineStore } from 'pinia';
import { ref } from 'vue';
import { ApiError, api, body, done } from '../api/client.ts';
import type { Session } from '../api/types.ts';

/** Who is logged in at this browser. */
export const useSession = defineStore('session', () => {
  const session = ref<Session | null>(null);

  /** Asks the server; false if nobody is logged in. Throws where the server cannot be asked. */
  async function load(): Promise<boolean> {
    try {
      session.value = await body(api.GET('/api/session'));
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error;
      session.value = null;
      return false;
    }
  }

  /** Exchanges a one-time code for a session. Throws an ApiError if the server refuses it. */
  async function login(code: string): Promise<void> {
    await done(api.POST('/api/login', { body: { code } }));
    await load();
  }

  async function logout(): Promise<void> {
    await done(api.POST('/api/logout'));
    session.value = null;
  }

  return { session, load, login, logout };
});
