import type { ActionArgs } from '@hostwire/model';
import type { AuditRecord, AuditRegistry, AuditResult } from './registry.ts';
import type { Db, Tables } from './tables.ts';

const KEPT_MS = 90 * 86_400_000;
const KEPT_ROWS = 100_000;
/** Looking for what is over costs more than adding. */
const PRUNE_EVERY = 64;
const MAX_LISTED = 1000;

export function auditRegistry(db: Db, now: () => number, keptRows = KEPT_ROWS): AuditRegistry {
  let added = 0;

  async function prune(): Promise<void> {
    await db
      .deleteFrom('audit')
      .where('at', '<', now() - KEPT_MS)
      .execute();
    const first = await db.selectFrom('audit').select('at').orderBy('at', 'desc').offset(keptRows).limit(1).executeTakeFirst();
    if (first !== undefined) await db.deleteFrom('audit').where('at', '<=', first.at).execute();
  }

  return {
    async add({ args, ...entry }) {
      await db
        .insertInto('audit')
        .values({ ...entry, args: JSON.stringify(args) })
        .execute();
      if (added++ % PRUNE_EVERY === 0) await prune();
    },

    async settle(id, result, reason) {
      const { numUpdatedRows } = await db
        .updateTable('audit')
        .set({ result, reason })
        .where('id', '=', id)
        .where('result', 'in', ['sent', 'unanswered'])
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async giveUp(before) {
      await db.updateTable('audit').set({ result: 'unanswered' }).where('result', '=', 'sent').where('at', '<', before).execute();
    },

    async get(id) {
      const row = await db.selectFrom('audit').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : toRecord(row);
    },

    async list({ host, before, limit = 100 } = {}) {
      let query = db.selectFrom('audit').selectAll();
      if (host !== undefined) query = query.where('host', '=', host);
      if (before !== undefined) query = query.where('at', '<', before);
      const rows = await query.orderBy('at', 'desc').orderBy('id').limit(Math.min(limit, MAX_LISTED)).execute();
      return rows.map(toRecord);
    },
  };
}

function toRecord({ args, result, ...row }: Tables['audit']): AuditRecord {
  return { ...row, args: JSON.parse(args) as ActionArgs, result: result as AuditResult };
}
