import type { Credentials } from './credentials.ts';
import { type CertificateRegistry, RegistryError } from './registry.ts';
import type { Db, Trx } from './tables.ts';

export function certificateRegistry(db: Db, credentials: Credentials, now: () => number): CertificateRegistry {
  return {
    async add({ serial, host, expiresAt }) {
      await credentials.change(async (trx) => {
        if ((await trx.selectFrom('host').select('host').where('host', '=', host).executeTakeFirst()) === undefined) {
          throw new RegistryError('unknown', `there is no host ${host}; \`hostwire host list\` shows them`);
        }
        // Those that ended by themselves are of no use to anybody.
        await trx.deleteFrom('host_certificate').where('expires_at', '<=', now()).execute();
        await trx.insertInto('host_certificate').values({ serial, host, created_at: now(), expires_at: expiresAt }).execute();
      });
    },

    async list() {
      const rows = await db.selectFrom('host_certificate').selectAll().where('expires_at', '>', now()).orderBy('host').execute();
      return rows.map(({ serial, host, created_at: createdAt, expires_at: expiresAt }) => ({ serial, host, createdAt, expiresAt }));
    },

    hostOf(serial) {
      const found = credentials.certificate(serial);
      return found === undefined || found.expiresAt <= now() ? null : found.host;
    },
  };
}

/** In a change of credentials: what was issued to a host for its old token, or under its name, is refused from now on. */
export async function revokeCertificates(trx: Trx, host: string): Promise<void> {
  await trx.deleteFrom('host_certificate').where('host', '=', host).execute();
}
