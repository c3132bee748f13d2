import { type RawBuilder, sql } from 'kysely';
import type { LeaseRegistry } from './registry.ts';
import type { Db } from './tables.ts';

interface Watched {
  readonly holder: string;
  readonly expiresAt: number;
  /** By the monotonic clock. */
  readonly since: number;
}

/** `clock` is an expression of ms since the epoch. */
export function leaseRegistry(db: Db, clock: () => RawBuilder<number>): LeaseRegistry {
  const watched = new Map<string, Watched>();

  /**
   * A holder renews: a lease that did not change for its whole time while it was watched is nobody's, also where the clock
   * was set back and says that it lasts for hours yet.
   */
  async function takeAbandoned(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const row = await db.selectFrom('lease').select(['holder', 'expires_at']).where('name', '=', name).executeTakeFirst();
    if (row === undefined) return false;
    const known = watched.get(name);
    if (known?.holder !== row.holder || known.expiresAt !== row.expires_at) {
      watched.set(name, { holder: row.holder, expiresAt: row.expires_at, since: performance.now() });
      return false;
    }
    if (performance.now() - known.since <= ttlMs) return false;
    const { numUpdatedRows } = await db
      .updateTable('lease')
      .set({ holder, expires_at: sql<number>`${clock()} + ${ttlMs}` })
      .where('name', '=', name)
      .where('holder', '=', row.holder)
      .where('expires_at', '=', row.expires_at)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  return {
    async acquire(name, holder, ttlMs) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('lease')
        .values({ name, holder, expires_at: sql<number>`${clock()} + ${ttlMs}` })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder: sql<string>`excluded.holder`, expires_at: sql<number>`excluded.expires_at` })
            .where(({ eb, or }) => or([eb('lease.holder', '=', holder), eb('lease.expires_at', '<=', clock())])),
        )
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows !== 1n) return takeAbandoned(name, holder, ttlMs);
      watched.delete(name);
      return true;
    },

    async release(name, holder) {
      await db.deleteFrom('lease').where('name', '=', name).where('holder', '=', holder).execute();
    },
  };
}
