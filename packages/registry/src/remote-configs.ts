import { parseConfigScope, type RemoteConfig } from '@hostwire/model';
import { RegistryError, type RemoteConfigRecord, type RemoteConfigRegistry } from './registry.ts';
import type { Revision } from './revision.ts';
import type { Db, Tables, Trx } from './tables.ts';

export function remoteConfigRegistry(db: Db, revision: Revision, now: () => number): RemoteConfigRegistry {
  async function change<T>(run: (trx: Trx) => Promise<T>): Promise<T> {
    const result = await db.transaction().execute(async (trx) => {
      // First: it makes the changes of all processes wait for each other, so that none bases on what another undoes.
      await revision.raise(trx);
      return run(trx);
    });
    await revision.raised();
    return result;
  }

  return {
    async list() {
      return (await db.selectFrom('remote_config').selectAll().orderBy('scope').execute()).map(toRecord);
    },

    async get(scope) {
      checkScope(scope);
      const row = await db.selectFrom('remote_config').selectAll().where('scope', '=', scope).executeTakeFirst();
      return row === undefined ? null : toRecord(row);
    },

    async set(scope, config, by) {
      const host = checkScope(scope);
      return change(async (trx) => {
        if (host !== null && (await trx.selectFrom('host').select('host').where('host', '=', host).executeTakeFirst()) === undefined) {
          throw new RegistryError('unknown', `there is no host ${host}; \`hostwire host list\` shows them`);
        }
        const before = await trx.selectFrom('remote_config').selectAll().where('scope', '=', scope).executeTakeFirst();
        const next = typeof config === 'function' ? config(before === undefined ? null : toRecord(before).config) : config;
        const values = { body: JSON.stringify(next), updated_at: now(), updated_by: by };
        await trx
          .insertInto('remote_config')
          .values({ scope, ...values })
          .onConflict((conflict) => conflict.column('scope').doUpdateSet(values))
          .execute();
        return toRecord({ scope, ...values });
      });
    },

    async remove(scope) {
      checkScope(scope);
      return change(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('remote_config').where('scope', '=', scope).executeTakeFirst();
        return numDeletedRows > 0n;
      });
    },

    onChange: (listener) => revision.onChange(listener),
  };
}

/** The host that the scope is of, or null. */
function checkScope(text: string): string | null {
  const scope = parseConfigScope(text);
  if (scope === null) throw new RegistryError('invalid', `${JSON.stringify(text)} is no scope: all, group:NAME or host:ID`);
  return scope.kind === 'host' ? scope.name : null;
}

function toRecord({ scope, body, updated_at: updatedAt, updated_by: updatedBy }: Tables['remote_config']): RemoteConfigRecord {
  return { scope, config: JSON.parse(body) as RemoteConfig, updatedAt, updatedBy };
}
