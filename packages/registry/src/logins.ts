import type { LoginRegistry } from './registry.ts';
import type { Db } from './tables.ts';
import { randomSecret, sha256 } from './token-hash.ts';

const DAY_MS = 86_400_000;
/** A session that nobody used for so long is over. */
export const SESSION_IDLE_MS = 7 * DAY_MS;
/** No session lives longer, however much it is used. */
export const SESSION_MAX_MS = 30 * DAY_MS;
/** Sliding the idle limit is a write: not more often than this. */
const SLIDE_MS = 60_000;

export function loginRegistry(db: Db, now: () => number): LoginRegistry {
  return {
    async createLink(ttlMs) {
      const code = randomSecret();
      const expiresAt = now() + ttlMs;
      await db.deleteFrom('login_link').where('expires_at', '<=', now()).execute();
      await db
        .insertInto('login_link')
        .values({ code_hash: sha256(code), expires_at: expiresAt })
        .execute();
      return { code, expiresAt };
    },

    async redeem(code, sessionTtlMs) {
      const { numDeletedRows } = await db
        .deleteFrom('login_link')
        .where('code_hash', '=', sha256(code))
        .where('expires_at', '>', now())
        .executeTakeFirst();
      if (numDeletedRows !== 1n) return null;
      const session = randomSecret();
      const expiresAt = now() + Math.min(sessionTtlMs, SESSION_MAX_MS);
      await db.deleteFrom('login_session').where('expires_at', '<=', now()).execute();
      await db
        .insertInto('login_session')
        .values({ session_hash: sha256(session), idle_expires_at: now() + SESSION_IDLE_MS, expires_at: expiresAt })
        .execute();
      return { session, expiresAt };
    },

    async checkSession(session) {
      const hash = sha256(session);
      const row = await db.selectFrom('login_session').selectAll().where('session_hash', '=', hash).executeTakeFirst();
      if (row === undefined) return null;
      if (Math.min(row.idle_expires_at, row.expires_at) <= now()) {
        await db.deleteFrom('login_session').where('session_hash', '=', hash).execute();
        return null;
      }
      const slid = now() + SESSION_IDLE_MS;
      if (slid - row.idle_expires_at >= SLIDE_MS) {
        await db.updateTable('login_session').set({ idle_expires_at: slid }).where('session_hash', '=', hash).execute();
      }
      return { expiresAt: row.expires_at };
    },

    async endSession(session) {
      await db.deleteFrom('login_session').where('session_hash', '=', sha256(session)).execute();
    },
  };
}
