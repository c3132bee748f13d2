import { groupProblem, type HostInfo, labelsProblem } from '@hostwire/model';
import { sql } from 'kysely';
import { revokeCertificates } from './certificates.ts';
import { type Credentials, NO_TOKEN } from './credentials.ts';
import { type HostChange, type HostRecord, type HostRegistry, RegistryError } from './registry.ts';
import { checkHostName } from './reserved-name.ts';
import type { Revision } from './revision.ts';
import type { Db, Tables, Trx } from './tables.ts';
import { hashToken, randomSecret } from './token-hash.ts';

interface HostParts {
  readonly credentials: Credentials;
  readonly remoteConfigs: Revision;
  readonly now: () => number;
}

export function hostRegistry(db: Db, { credentials, remoteConfigs, now }: HostParts): HostRegistry {
  return {
    async list() {
      return (await db.selectFrom('host').selectAll().orderBy('host').execute()).map(toRecord);
    },

    async get(host) {
      const row = await db.selectFrom('host').selectAll().where('host', '=', host).executeTakeFirst();
      return row === undefined ? null : toRecord(row);
    },

    async add(host) {
      const token = newHostToken();
      await credentials.change((trx) => enterHost(trx, { host, token, at: now(), group: null, labels: {} }));
      return { token };
    },

    async addBehind(host, gateway) {
      await credentials.change(async (trx) => {
        await checkGateway(trx, host, gateway);
        await enterHost(trx, { host, token: null, gateway, at: now(), group: null, labels: {} });
      });
    },

    async rotate(host) {
      const token = newHostToken();
      await credentials.change((trx) => replaceToken(trx, host, token));
      return { token };
    },

    async remove(host) {
      await credentials.change(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('host').where('host', '=', host).executeTakeFirst();
        if (numDeletedRows === 0n) throw unknownHost(host);
        await revokeCertificates(trx, host);
        // A new host of this name would speak for them.
        await trx.updateTable('host').set({ gateway: null }).where('gateway', '=', host).execute();
        // Before the row, as in all changes of that table: a new host of this name inherits nothing.
        await remoteConfigs.raise(trx);
        await trx.deleteFrom('remote_config').where('scope', '=', `host:${host}`).execute();
      });
      await remoteConfigs.raised();
    },

    async update(host, change) {
      return credentials.change(async (trx) => {
        const row = await trx.selectFrom('host').selectAll().where('host', '=', host).executeTakeFirst();
        if (row === undefined) throw unknownHost(host);
        const before = toRecord(row);
        const changed = checked(typeof change === 'function' ? change(before) : change);
        const { group = before.group, labels = before.labels, gateway = before.gateway } = changed;
        if (gateway !== null && gateway !== before.gateway) {
          await checkGateway(trx, host, gateway);
          await revokeCertificates(trx, host);
        }
        await trx
          .updateTable('host')
          .set({ group_name: group, labels: JSON.stringify(labels), gateway, ...(gateway === null ? {} : { token_hash: NO_TOKEN }) })
          .where('host', '=', host)
          .execute();
        return { ...before, group, labels, gateway };
      });
    },

    async seen(entries) {
      if (entries.length === 0) return;
      await db.transaction().execute(async (trx) => {
        // In one order by all processes: two that wait for each other's rows would both fail.
        for (const { host, at } of entries.toSorted((a, b) => (a.host < b.host ? -1 : 1))) {
          await trx
            .updateTable('host')
            .set({
              first_seen_at: sql`coalesce(first_seen_at, ${at})`,
              last_seen_at: sql`case when last_seen_at is null or last_seen_at < ${at} then ${at} else last_seen_at end`,
            })
            .where('host', '=', host)
            .execute();
        }
      });
    },

    async saveInfo(host, info) {
      await db
        .updateTable('host')
        .set({ info: JSON.stringify(info) })
        .where('host', '=', host)
        .execute();
    },
  };
}

/**
 * Enters a host, in a change of credentials; resolves with the hash of its token. Throws RegistryError `invalid` if it cannot be a host's name, `exists` if a host
 * or a token has that name.
 */
export async function enterHost(
  trx: Trx,
  {
    host,
    token,
    at,
    group,
    labels,
    gateway = null,
  }: Pick<HostRecord, 'host' | 'group' | 'labels'> & {
    /** Null: it has none, `gateway` speaks for it. */
    readonly token: string | null;
    readonly gateway?: string | null;
    /** Ms since the epoch. */
    readonly at: number;
  },
): Promise<string> {
  checkHostName(host);
  if ((await trx.selectFrom('host').select('host').where('host', '=', host).executeTakeFirst()) !== undefined) {
    throw new RegistryError('exists', `host ${host} exists already; \`hostwire host rotate ${host}\` gives it a new token`);
  }
  if ((await trx.selectFrom('token').select('id').where('name', '=', host).executeTakeFirst()) !== undefined) {
    throw new RegistryError('exists', `a token has the name ${host} already, and both are MQTT usernames; choose another`);
  }
  const hash = token === null ? NO_TOKEN : hashToken(token);
  await trx
    .insertInto('host')
    .values({
      ...{ host, token_hash: hash, created_at: at, first_seen_at: null, last_seen_at: null, info: null },
      ...{ group_name: group, labels: JSON.stringify(labels), gateway },
    })
    .execute();
  return hash;
}

/** Throws RegistryError if `gateway` cannot speak for this host: `unknown`, or `invalid` where one gateway would stand behind another. */
async function checkGateway(trx: Trx, host: string, gateway: string): Promise<void> {
  const row = await trx.selectFrom('host').select('gateway').where('host', '=', gateway).executeTakeFirst();
  if (row === undefined) throw unknownHost(gateway);
  const behind = await trx.selectFrom('host').select('host').where('gateway', '=', host).executeTakeFirst();
  const problem =
    host === gateway
      ? `${host} cannot be its own gateway`
      : row.gateway !== null
        ? `${gateway} is behind the gateway ${row.gateway} itself; name that one`
        : behind !== undefined
          ? `${host} is the gateway of ${behind.host}, so it needs a token of its own`
          : null;
  if (problem !== null) throw new RegistryError('invalid', problem);
}

/** Makes `token` that of a host, in a change of credentials; resolves with its hash. Throws RegistryError `unknown`. */
export async function replaceToken(trx: Trx, host: string, token: string): Promise<string> {
  const hash = hashToken(token);
  const { numUpdatedRows } = await trx
    .updateTable('host')
    .set({ token_hash: hash, gateway: null })
    .where('host', '=', host)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw unknownHost(host);
  await revokeCertificates(trx, host);
  return hash;
}

export function newHostToken(): string {
  return `hwh_${randomSecret()}`;
}

function checked(change: HostChange): HostChange {
  const { group = null, labels = {} } = change;
  const problem = (group === null ? null : groupProblem(group)) ?? labelsProblem(labels);
  if (problem !== null) throw new RegistryError('invalid', problem);
  return change;
}

function unknownHost(host: string): RegistryError {
  return new RegistryError('unknown', `there is no host ${host}; \`hostwire host list\` shows them`);
}

function toRecord(row: Tables['host']): HostRecord {
  return {
    host: row.host,
    createdAt: row.created_at,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    info: row.info === null ? null : (JSON.parse(row.info) as HostInfo),
    group: row.group_name,
    labels: JSON.parse(row.labels) as Record<string, string>,
    gateway: row.gateway,
  };
}
