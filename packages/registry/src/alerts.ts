import { sql } from 'kysely';
import type { AlertRecord, AlertRegistry, AlertState, Severity } from './registry.ts';
import type { Db, Tables } from './tables.ts';

export function alertRegistry(db: Db): AlertRegistry {
  return {
    async list(resolvedSince) {
      const rows = await db
        .selectFrom('alert')
        .selectAll()
        .where(({ eb, or }) =>
          or([eb('state', '!=', 'resolved'), ...(resolvedSince === undefined ? [] : [eb('resolved_at', '>', resolvedSince)])]),
        )
        .orderBy('since')
        .orderBy('id')
        .execute();
      return rows.map(toRecord);
    },

    async get(id) {
      const row = await db.selectFrom('alert').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? null : toRecord(row);
    },

    async save(alerts) {
      if (alerts.length === 0) return;
      await db.transaction().execute(async (trx) => {
        for (const alert of alerts) {
          const { id, ...columns } = toRow(alert);
          await trx
            .insertInto('alert')
            .values({ id, ...columns })
            .onConflict((conflict) => conflict.column('id').doUpdateSet({ ...columns, ...KEPT }))
            .execute();
        }
      });
    },

    async saveAcknowledgement(id, acknowledgement) {
      return await db.transaction().execute(async (trx) => {
        await trx
          .updateTable('alert')
          .set({
            acknowledged_at: acknowledgement?.at ?? null,
            acknowledged_by: acknowledgement?.by ?? null,
            note: acknowledgement?.note == null ? null : storable(acknowledgement.note),
          })
          .where('id', '=', id)
          .where('state', '=', 'firing')
          .execute();
        const row = await trx.selectFrom('alert').selectAll().where('id', '=', id).where('state', '=', 'firing').executeTakeFirst();
        return row === undefined ? null : toRecord(row);
      });
    },
  };
}

/** One firing has one acknowledgement, which another process than the one that evaluates may have written. */
const KEPT = {
  acknowledged_at: kept<number | null>('acknowledged_at'),
  acknowledged_by: kept<string | null>('acknowledged_by'),
  note: kept<string | null>('note'),
};

function kept<T>(column: 'acknowledged_at' | 'acknowledged_by' | 'note') {
  const [saved, given] = [sql.ref(`alert.${column}`), sql.ref(`excluded.${column}`)];
  return sql<T>`case when alert.fired_at = excluded.fired_at then ${saved} else ${given} end`;
}

function toRow(alert: AlertRecord): Tables['alert'] {
  return {
    id: alert.id,
    rule: alert.rule,
    host: alert.host,
    severity: alert.severity,
    state: alert.state,
    labels: JSON.stringify(alert.labels),
    summary: storable(alert.summary),
    measurement: alert.measurement,
    field: alert.field,
    tags: JSON.stringify(alert.where),
    value: alert.value,
    threshold: alert.threshold,
    unit: alert.unit,
    since: alert.since,
    fired_at: alert.firedAt,
    resolved_at: alert.resolvedAt,
    acknowledged_at: alert.acknowledgedAt,
    acknowledged_by: alert.acknowledgedBy,
    note: alert.note === null ? null : storable(alert.note),
  };
}

/** Tags of hosts stand in the summary: one that holds a NUL must not keep the alerts of all others from being saved. */
function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}

function toRecord(row: Tables['alert']): AlertRecord {
  return {
    id: row.id,
    rule: row.rule,
    host: row.host,
    severity: row.severity as Severity,
    state: row.state as AlertState,
    labels: JSON.parse(row.labels) as Record<string, string>,
    summary: row.summary,
    measurement: row.measurement,
    field: row.field,
    where: JSON.parse(row.tags) as Record<string, string>,
    value: row.value,
    threshold: row.threshold,
    unit: row.unit,
    since: row.since,
    firedAt: row.fired_at,
    resolvedAt: row.resolved_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedBy: row.acknowledged_by,
    note: row.note,
  };
}
