import { Kysely, sql } from 'kysely';
import { alertRegistry } from './alerts.ts';
import { catalogRegistry } from './catalogs.ts';
import { Credentials } from './credentials.ts';
import { hostRegistry } from './hosts.ts';
import { leaseRegistry } from './leases.ts';
import { openDatabase, registryDialect } from './libsql-database.ts';
import { loginRegistry } from './logins.ts';
import { migrate } from './migrations.ts';
import { type Registry, RegistryError } from './registry.ts';
import type { Tables } from './tables.ts';
import { tokenRegistry } from './tokens.ts';

export type RegistryOptions = {
  /** Ms since the epoch; for tests. */
  readonly now?: () => number;
} & (
  | {
      /** The SQLite file; made with mode 0600 if it does not exist. Several processes of one machine may have it open. */
      readonly file: string;
    }
  | {
      /** A PostgreSQL database, as `postgres://user:password@host:5432/name?sslmode=verify-full`, for processes of several machines. */
      readonly url: string;
    }
);

/** How soon what another process changed is seen at the latest, with room below the promised 2 s. */
const POLL_MS = 500;
const FLUSH_MS = 60_000;

/**
 * Opens the registry and brings its schema up to date. Throws RegistryError `unavailable` if the file cannot be
 * opened, is no database, or was written by a newer program.
 */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  if (!('file' in options)) throw new RegistryError('unavailable', 'a registry on PostgreSQL is not there yet; leave database.url out');
  const { file, now = Date.now } = options;
  const database = openDatabase(file);
  const db = new Kysely<Tables>({ dialect: registryDialect(database) });
  const credentials = new Credentials(db, database);
  try {
    await migrate(db);
    await credentials.refresh();
  } catch (error) {
    database.close();
    throw error;
  }
  const { tokens, flush } = tokenRegistry(db, credentials, now);
  // A database that is busy now is asked again at the next turn; who queries it meanwhile gets the error.
  let available = true;
  const refresh = (): void => {
    credentials.refresh().then(
      () => {
        available = true;
      },
      () => {
        available = false;
      },
    );
  };
  const poll = setInterval(refresh, POLL_MS);
  const flushing = setInterval(() => void flush().catch(() => {}), FLUSH_MS);
  poll.unref();
  flushing.unref();
  let closed = false;
  return {
    hosts: hostRegistry(db, credentials, now),
    tokens,
    logins: loginRegistry(db, now),
    alerts: alertRegistry(db),
    catalogs: catalogRegistry(db, now),
    leases: leaseRegistry(db, () => sql<number>`${now()}`),
    isAvailable: () => available,
    onCredentialsChange: (listener) => credentials.onChange(listener),
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(poll);
      clearInterval(flushing);
      await flush();
      await db.destroy();
    },
  };
}
