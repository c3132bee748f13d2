import { type RawBuilder, sql } from 'kysely';
import type { LeaseRegistry } from './registry.ts';
import type { Db } from './tables.ts';

/** `clock` is an expression of ms since the epoch. */
export function leaseRegistry(db: Db, clock: () => RawBuilder<number>): LeaseRegistry {
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
      return numInsertedOrUpdatedRows === 1n;
    },

    async release(name, holder) {
      await db.deleteFrom('lease').where('name', '=', name).where('holder', '=', holder).execute();
    },
  };
}
