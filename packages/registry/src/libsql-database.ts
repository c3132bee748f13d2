import { chmodSync, closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counters } from '@hostwire/model';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import LibsqlDatabase from 'libsql';
import { bindable } from './bindable.ts';
import type { Backend, ChangeMarks } from './database.ts';
import { RegistryError } from './registry.ts';
import type { Tables } from './tables.ts';

/** How long SQLite itself waits for another connection, with the event loop standing still. While opening it may. */
const OPEN_BUSY_MS = 5000;
const BUSY_MS = 20;
/** How long a statement is tried again after that, with the event loop running. */
const RETRY_MS = 5000;

/** A SQLite file as kysely's SqliteDialect takes it. */
export interface RegistryDatabase extends SqliteDatabase, ChangeMarks {}

/** A registry in a SQLite file, for the processes of one machine. Throws RegistryError `unavailable`. */
export function sqliteBackend(file: string, now: () => number, counters: Counters): Backend {
  const database = openDatabase(file);
  return {
    db: new Kysely<Tables>({ dialect: registryDialect(database, counters) }),
    marks: database,
    clock: () => sql<number>`${now()}`,
    // Every transaction begins with the one lock that a file has.
    lockSchema: async () => undefined,
    name: file,
  };
}

/** Opens or makes the file, mode 0600, in WAL mode. Throws RegistryError `unavailable`. */
export function openDatabase(file: string): RegistryDatabase {
  try {
    closeSync(openSync(file, 'a', 0o600));
    // SQLite gives the mode of the file to the -wal and -shm files that it makes beside it.
    chmodSync(file, 0o600);
    const database = new LibsqlDatabase(file);
    database.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL`);
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    return wrap(database);
  } catch (cause) {
    throw new RegistryError('unavailable', `cannot open the registry ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** kysely's dialect for such a file. */
export function registryDialect(database: RegistryDatabase, counters = new Counters()): Dialect {
  return {
    createDriver: () => new WaitingDriver({ database }, counters),
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** Waits for the transactions of other connections without holding up the event loop (one of them may need it to end). */
class WaitingDriver extends SqliteDriver {
  readonly #counters: Counters;

  constructor(config: ConstructorParameters<typeof SqliteDriver>[0], counters: Counters) {
    super(config);
    this.#counters = counters;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    const counters = this.#counters;
    return {
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        const end = Date.now() + RETRY_MS;
        for (;;) {
          try {
            return await connection.executeQuery<R>(query);
          } catch (error) {
            if (!isBusy(error) || Date.now() > end) {
              counters.add('queries_failed');
              throw error;
            }
          }
          counters.add('busy_retries');
          await sleep(10);
        }
      },
    };
  }
}

function isBusy(error: unknown): boolean {
  const cause = error instanceof RegistryError ? error.cause : undefined;
  return cause instanceof Error && String((cause as Error & { code?: unknown }).code).startsWith('SQLITE_BUSY');
}

function wrap(database: LibsqlDatabase.Database): RegistryDatabase {
  const dataVersion = database.prepare('PRAGMA data_version');
  let closed = false;

  function guard<T>(work: () => T): T {
    // libsql 0.5.29 aborts the whole process when a closed database is asked whether it is in a transaction.
    if (closed) throw new RegistryError('unavailable', 'the registry is closed');
    try {
      return work();
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause;
      throw new RegistryError('unavailable', `the registry failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  function run(statement: LibsqlDatabase.Statement, parameters: readonly unknown[]): LibsqlDatabase.RunResult {
    const bound = bindable(parameters);
    if (database.inTransaction) return statement.run(bound);
    database.exec('begin immediate');
    try {
      const result = statement.run(bound);
      database.exec('commit');
      return result;
    } catch (error) {
      if (database.inTransaction) database.exec('rollback');
      throw error;
    }
  }

  return {
    prepare(text) {
      const transaction = TRANSACTION[text];
      if (transaction !== undefined) return executed(() => guard(() => database.exec(transaction)));
      const statement = guard(() => database.prepare(text));
      return {
        reader: statement.reader,
        all: (parameters) => guard(() => statement.all(bindable(parameters))),
        run: (parameters) => guard(() => run(statement, parameters)),
        iterate: (parameters) => guard(() => statement.iterate(bindable(parameters))),
      };
    },
    // https://sqlite.org/pragma.html#pragma_data_version
    dataVersion: () => guard(() => (dataVersion.all([])[0] as { data_version: number }).data_version),
    checkpoint: () => guard(() => database.prepare('PRAGMA wal_checkpoint(PASSIVE)').all([])),
    close: () => {
      closed = true;
      database.close();
    },
  };
}

/**
 * A prepared statement that libsql 0.5.29 could not run because the database is busy is never reset: until it is
 * collected, every commit of the connection fails. `exec` does not leave one behind, so only these statements may have to
 * wait, and every write stands in a transaction. They begin immediate: a deferred one that reads first and then writes
 * fails as busy without waiting.
 */
const TRANSACTION: Readonly<Record<string, string>> = { begin: 'begin immediate', commit: 'commit', rollback: 'rollback' };

function executed(run: () => void): ReturnType<SqliteDatabase['prepare']> {
  return {
    reader: false,
    all: () => [],
    iterate: () => [].values(),
    run: () => {
      run();
      return { changes: 0, lastInsertRowid: 0 };
    },
  };
}
