import { setTimeout as sleep } from 'node:timers/promises';
import { Counters } from '@hostwire/model';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, sql } from 'kysely';
import pg from 'pg';
import { bindable } from './bindable.ts';
import type { Backend } from './database.ts';
import { RegistryError } from './registry.ts';
import type { Tables } from './tables.ts';

const MAX_CONNECTIONS = 5;
const CONNECT_MS = 5000;
/** The server gives a statement up after this, waiting for locks included. */
const STATEMENT_MS = 5000;
/** Longer than that: for a server that has stopped, or a network that is gone, and so does not say so. */
const ANSWER_MS = 7000;
const END_MS = 2000;
const LOCK_WAIT_MS = 60_000;
/** Key of the advisory lock on the schema: `hostwire` in ASCII, below 2^63. */
const SCHEMA_LOCK = '7525360446416188005';

/**
 * A registry in a PostgreSQL database. Connects when it is first asked, and again whenever the database is back; meanwhile
 * queries fail with RegistryError `unavailable`. Throws RegistryError `invalid` if this is no such URL.
 */
export function postgresBackend(url: string, counters = new Counters()): Backend {
  const name = describeUrl(url);
  return {
    db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: guardedPool(url, name, counters) }) }),
    marks: { dataVersion: () => null, checkpoint: () => undefined },
    clock: () => sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    async lockSchema(trx) {
      const end = performance.now() + LOCK_WAIT_MS;
      for (;;) {
        const { rows } = await sql<{
          locked: boolean;
        }>`select pg_try_advisory_xact_lock(${sql.lit(SCHEMA_LOCK)}::bigint) as locked`.execute(trx);
        if (rows[0]?.locked === true) return;
        if (performance.now() > end) {
          throw new RegistryError('unavailable', `another process has been changing the schema of ${name} for a minute; look what it does`);
        }
        await sleep(50);
      }
    },
    name,
  };
}

/** True for what passes while a database starts: nobody listens yet, its name is not known yet, or it says so itself. */
export function isStarting(error: unknown): boolean {
  const cause = error instanceof RegistryError ? error.cause : undefined;
  const codes = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  return codes.some((one) => {
    const { code, syscall } = (one ?? {}) as NodeJS.ErrnoException;
    return STARTING.has(code ?? '') && (code !== 'ENOENT' || syscall === 'connect');
  });
}

/** 57P03 is PostgreSQL's `cannot_connect_now`. */
const STARTING = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', '57P03']);

/**
 * Host, port and database of a PostgreSQL URL: neither its user and password nor its parameters, which may hold one too.
 * Throws RegistryError `invalid` if it is none.
 */
export function describeUrl(url: string): string {
  // An error of URL holds the URL.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new RegistryError(
      'invalid',
      'the URL of the registry is not postgres://user@host:5432/name; special characters in it are written %XX',
    );
  }
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

function guardedPool(url: string, name: string, counters: Counters): PostgresPool {
  const clients = new Set<pg.PoolClient>();
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'hostwire',
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: LOCK_WAIT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    types: { getTypeParser },
  });
  // A connection that breaks, idle or between two statements, is only missed when it is asked next.
  pool.on('error', () => counters.add('connections_lost'));
  pool.on('connect', (client) => {
    clients.add(client);
    client.on('error', () => undefined);
  });
  pool.on('remove', (client) => clients.delete(client));

  return {
    async connect() {
      try {
        return guardedClient(await pool.connect(), name, counters);
      } catch (cause) {
        counters.add('connections_failed');
        throw unavailable(name, cause);
      }
    },
    async end() {
      // A server that has stopped does not answer the farewell either.
      const giveUp = setTimeout(() => {
        for (const client of clients) streamOf(client)?.destroy();
      }, END_MS);
      await pool.end().finally(() => clearTimeout(giveUp));
    },
  } as PostgresPool;
}

function guardedClient(client: pg.PoolClient, name: string, counters: Counters): PostgresPoolClient {
  let broken: RegistryError | null = null;
  return {
    async query(text: string, parameters: readonly unknown[]) {
      if (broken !== null) throw broken;
      const bound = bindable(parameters);
      try {
        return await client.query(text, bound);
      } catch (cause) {
        counters.add('queries_failed');
        const error = unavailable(name, cause);
        // A statement that was not answered would answer the next one.
        if (!(cause instanceof pg.DatabaseError) || cause.severity === 'FATAL') broken = error;
        throw error;
      }
    },
    release: () => client.release(broken ?? undefined),
  } as unknown as PostgresPoolClient;
}

function unavailable(name: string, cause: unknown): RegistryError {
  const reasons = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  const text = reasons.map((reason) => (reason instanceof Error ? reason.message : String(reason))).join(', ');
  const isRefused = cause instanceof pg.DatabaseError && cause.severity === 'ERROR';
  return new RegistryError('unavailable', `the registry ${name} ${isRefused ? 'failed' : 'does not answer'}: ${text}`, { cause });
}

/** Counts and times of this registry are below 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  return oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format as 'text') as (value: string) => unknown);
}

function streamOf(client: pg.PoolClient): { destroy(): void } | undefined {
  return (client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }).connection?.stream;
}
