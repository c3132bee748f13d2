import { type Catalog, catalogHash } from '@hostwire/model';
import { type CatalogRegistry, RegistryError } from './registry.ts';
import type { Db } from './tables.ts';

/** One for each version of agent in the fleet is few; hosts that send ever new ones must not fill the disk. */
export const MAX_CATALOGS = 200;

export function catalogRegistry(db: Db, now: () => number): CatalogRegistry {
  return {
    async get(hash) {
      const row = await db.selectFrom('catalog').select('body').where('hash', '=', hash).executeTakeFirst();
      return row === undefined ? null : (JSON.parse(row.body) as Catalog);
    },

    async save(catalog) {
      // One host must not be able to say what the fields of the others mean.
      if (catalogHash(catalog.measurements) !== catalog.hash) {
        throw new RegistryError('invalid', `the catalog does not have the hash ${catalog.hash} that it names`);
      }
      const row = { hash: catalog.hash, body: JSON.stringify(catalog), saved_at: now() };
      await db
        .insertInto('catalog')
        .values(row)
        .onConflict((conflict) => conflict.column('hash').doUpdateSet({ saved_at: row.saved_at }))
        .execute();
      const newest = db.selectFrom('catalog').select('hash').orderBy('saved_at', 'desc').orderBy('hash').limit(MAX_CATALOGS);
      await db.deleteFrom('catalog').where('hash', 'not in', newest).execute();
    },

    async list() {
      const rows = await db.selectFrom('catalog').select('body').orderBy('saved_at', 'desc').execute();
      return rows.map(({ body }) => JSON.parse(body) as Catalog);
    },
  };
}
