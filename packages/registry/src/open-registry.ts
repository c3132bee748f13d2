import { setTimeout as sleep } from 'node:timers/promises';
import { Counters } from '@hostwire/model';
import { alertRegistry } from './alerts.ts';
import { auditRegistry } from './audit.ts';
import { catalogRegistry } from './catalogs.ts';
import { certificateRegistry } from './certificates.ts';
import { Credentials } from './credentials.ts';
import type { Backend } from './database.ts';
import { enrolmentRegistry } from './enrolments.ts';
import { hostRegistry } from './hosts.ts';
import { leaseRegistry } from './leases.ts';
import { sqliteBackend } from './libsql-database.ts';
import { loginRegistry } from './logins.ts';
import { migrate } from './migrations.ts';
import { isStarting, postgresBackend } from './postgres-database.ts';
import type { Registry } from './registry.ts';
import { remoteConfigRegistry } from './remote-configs.ts';
import { Revision } from './revision.ts';
import { tokenRegistry } from './tokens.ts';

export type RegistryOptions = {
  /** Ms since the epoch; for tests. */
  readonly now?: () => number;
  /** Where what fails and what is tried again is counted. */
  readonly counters?: Counters;
} & (
  | {
      /** The SQLite file; made with mode 0600 if it does not exist. Several processes of one machine may have it open. */
      readonly file: string;
    }
  | {
      /**
       * A PostgreSQL database, as `postgres://user:password@host:5432/name?sslmode=verify-full`, for processes of several
       * machines. What the URL leaves out comes from PGPASSWORD, ~/.pgpass and the like.
       */
      readonly url: string;
      /** Ms to wait for a database that does not accept connections yet; default 0. */
      readonly waitMs?: number;
      /** Called once with the reason when it waits. */
      readonly onWait?: (reason: string) => void;
    }
);

/** How soon what another process changed is seen at the latest, with room below the promised 2 s. */
const POLL_MS = 500;
const FLUSH_MS = 60_000;
const RETRY_MS = 500;

/**
 * Opens the registry and brings its schema up to date. Throws RegistryError `unavailable` if the file or database cannot
 * be opened, is no database, or was written by a newer program; `invalid` if the URL is none.
 */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { now = Date.now, counters = new Counters() } = options;
  const backend = 'url' in options ? postgresBackend(options.url, counters) : sqliteBackend(options.file, now, counters);
  const { db } = backend;
  const credentials = new Credentials(db, backend.marks);
  const enrolments = new Revision(db, backend.marks, 'enrolments');
  const remoteConfigs = new Revision(db, backend.marks, 'remote_config');
  try {
    await prepare(backend, options);
    await credentials.refresh();
    await enrolments.refresh();
    await remoteConfigs.refresh();
  } catch (error) {
    await db.destroy();
    throw error;
  }
  const { tokens, flush } = tokenRegistry(db, credentials, now);
  // A database that is busy now is asked again at the next turn; who queries it meanwhile gets the error.
  let available = true;
  const refresh = (): void => {
    Promise.all([credentials.refresh(), enrolments.refresh(), remoteConfigs.refresh()]).then(
      () => {
        available = true;
      },
      () => {
        available = false;
        counters.add('refreshes_failed');
      },
    );
  };
  const poll = setInterval(refresh, POLL_MS);
  const flushing = setInterval(() => void flush().catch(() => counters.add('flushes_failed')), FLUSH_MS);
  poll.unref();
  flushing.unref();
  let closed = false;
  return {
    hosts: hostRegistry(db, { credentials, remoteConfigs, now }),
    tokens,
    certificates: certificateRegistry(db, credentials, now),
    enrolments: enrolmentRegistry({ db, credentials, revision: enrolments, now }),
    logins: loginRegistry(db, now),
    alerts: alertRegistry(db),
    catalogs: catalogRegistry(db, now),
    leases: leaseRegistry(db, () => backend.clock()),
    remoteConfig: remoteConfigRegistry(db, remoteConfigs, now),
    audit: auditRegistry(db, now),
    isAvailable: () => available,
    onCredentialsChange: (listener) => credentials.onChange(listener),
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(poll);
      clearInterval(flushing);
      // When tokens were used last is not worth holding up the end for a database that is away.
      await flush().catch(() => {});
      await db.destroy();
    },
  };
}

async function prepare(backend: Backend, options: RegistryOptions): Promise<void> {
  const end = performance.now() + ('url' in options ? (options.waitMs ?? 0) : 0);
  for (let waits = 0; ; waits++) {
    try {
      await migrate(backend);
      return;
    } catch (error) {
      if (!isStarting(error) || performance.now() > end) throw error;
      if (waits === 0 && 'url' in options) options.onWait?.((error as Error).message);
    }
    await sleep(RETRY_MS);
  }
}
