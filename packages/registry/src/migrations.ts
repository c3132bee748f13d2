import { type Kysely, sql } from 'kysely';
import type { Backend } from './database.ts';
import { RegistryError } from './registry.ts';
import type { Db, Tables, Trx } from './tables.ts';

type Migration = (trx: Kysely<Tables>) => Promise<void>;

/** Number n of the schema is made by entry n - 1. Entries are never changed, only added. Portable to PostgreSQL. */
const MIGRATIONS: readonly Migration[] = [
  async (trx) => {
    await trx.schema
      .createTable('host')
      .addColumn('host', 'text', (c) => c.primaryKey())
      .addColumn('token_hash', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('first_seen_at', 'bigint')
      .addColumn('last_seen_at', 'bigint')
      .addColumn('info', 'text')
      .execute();
    await trx.schema
      .createTable('token')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull().unique())
      .addColumn('token_hash', 'text', (c) => c.notNull())
      .addColumn('scopes', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .execute();
    await trx.schema
      .createTable('login_link')
      .addColumn('code_hash', 'text', (c) => c.primaryKey())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
    await trx.schema
      .createTable('login_session')
      .addColumn('session_hash', 'text', (c) => c.primaryKey())
      .addColumn('idle_expires_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
    await trx.schema
      .createTable('alert')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('rule', 'text', (c) => c.notNull())
      .addColumn('host', 'text', (c) => c.notNull())
      .addColumn('severity', 'text', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('labels', 'text', (c) => c.notNull())
      .addColumn('summary', 'text', (c) => c.notNull())
      .addColumn('measurement', 'text')
      .addColumn('field', 'text')
      .addColumn('tags', 'text', (c) => c.notNull())
      .addColumn('value', 'double precision')
      .addColumn('threshold', 'double precision')
      .addColumn('unit', 'text')
      .addColumn('since', 'bigint', (c) => c.notNull())
      .addColumn('fired_at', 'bigint')
      .addColumn('resolved_at', 'bigint')
      .addColumn('acknowledged_at', 'bigint')
      .addColumn('acknowledged_by', 'text')
      .addColumn('note', 'text')
      .execute();
    await trx.schema.createIndex('alert_state').on('alert').columns(['state', 'resolved_at']).execute();
    await trx.schema
      .createTable('catalog')
      .addColumn('hash', 'text', (c) => c.primaryKey())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('saved_at', 'bigint', (c) => c.notNull())
      .execute();
  },
  async (trx) => {
    await trx.schema
      .createTable('lease')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('holder', 'text', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
  },
  async (trx) => {
    await trx.schema.alterTable('host').addColumn('group_name', 'text').execute();
    await trx.schema
      .alterTable('host')
      .addColumn('labels', 'text', (c) => c.notNull().defaultTo('{}'))
      .execute();
    await trx.schema
      .createTable('enrolment')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('code_hash', 'text', (c) => c.notNull().unique())
      .addColumn('host', 'text')
      .addColumn('group_name', 'text')
      .addColumn('labels', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('created_by', 'text')
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addColumn('used_at', 'bigint')
      .addColumn('used_by', 'text')
      .addColumn('used_from', 'text')
      .execute();
    await trx.schema
      .createTable('enrolment_request')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('enrolment_id', 'text', (c) => c.notNull())
      .addColumn('secret_hash', 'text', (c) => c.notNull())
      .addColumn('host', 'text', (c) => c.notNull())
      .addColumn('address', 'text', (c) => c.notNull())
      .addColumn('facts', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('decided_at', 'bigint')
      .addColumn('decided_by', 'text')
      .addColumn('group_name', 'text')
      .addColumn('labels', 'text', (c) => c.notNull())
      .execute();
    await trx.schema
      .createTable('host_certificate')
      .addColumn('serial', 'text', (c) => c.primaryKey())
      .addColumn('host', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
    await trx.schema
      .createTable('remote_config')
      .addColumn('scope', 'text', (c) => c.primaryKey())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_by', 'text')
      .execute();
  },
  async (trx) => {
    await trx.schema
      .alterTable('enrolment')
      .addColumn('replaces', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
    for (const table of ['enrolment', 'enrolment_request'] as const) {
      await trx.schema.alterTable(table).addColumn('nonce_hash', 'text').execute();
      await trx.schema.alterTable(table).addColumn('issued_hash', 'text').execute();
    }
    await trx.schema.alterTable('enrolment_request').addColumn('claimed_at', 'bigint').execute();
  },
  async (trx) => {
    await trx.schema.alterTable('host').addColumn('gateway', 'text').execute();
    await trx.schema
      .createTable('audit')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('host', 'text', (c) => c.notNull())
      .addColumn('action', 'text', (c) => c.notNull())
      .addColumn('args', 'text', (c) => c.notNull())
      .addColumn('actor', 'text')
      .addColumn('result', 'text', (c) => c.notNull())
      .addColumn('reason', 'text')
      .execute();
    await trx.schema.createIndex('audit_at').on('audit').column('at').execute();
  },
];

/**
 * Brings the schema up to date, each step in a transaction of its own; several processes may do so at once. Throws
 * RegistryError `unavailable` if a newer program has written it.
 */
export async function migrate(
  { db, lockSchema }: Pick<Backend, 'db' | 'lockSchema'>,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  for (;;) {
    const done = await db.transaction().execute(async (trx) => {
      await lockSchema(trx);
      await sql`create table if not exists meta (key text primary key, value bigint not null)`.execute(trx);
      const version = await readMeta(trx, 'schema');
      if (version > migrations.length) {
        throw new RegistryError(
          'unavailable',
          `the registry has schema ${version}, this program knows ${migrations.length}: a newer hostwire has written it; update this one or restore a backup`,
        );
      }
      const migration = migrations[version];
      if (migration === undefined) return true;
      await migration(trx);
      await writeMeta(trx, 'schema', version + 1);
      return false;
    });
    if (done) return;
  }
}

/** The schema that this program writes. */
export const KNOWN_SCHEMA = MIGRATIONS.length;

/** 0 if the key was never written. */
export async function readMeta(db: Db | Trx, key: string): Promise<number> {
  const row = await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value ?? 0;
}

export async function writeMeta(trx: Trx, key: string, value: number): Promise<void> {
  await trx
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
