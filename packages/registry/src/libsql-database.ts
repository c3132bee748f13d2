import { chmodSync, closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import LibsqlDatabase from 'libsql';
import { RegistryError } from './registry.ts';

/** How long SQLite itself waits for another connection, with the event loop standing still. While opening it may. */
const OPEN_BUSY_MS = 5000;
const BUSY_MS = 20;
/** How long a statement is tried again after that, with the event loop running. */
const RETRY_MS = 5000;

/** A SQLite file as kysely's SqliteDialect takes it. */
export interface RegistryDatabase extends SqliteDatabase {
  /** Changes when another connection (also of another process) has committed (https://sqlite.org/pragma.html#pragma_data_version). */
  dataVersion(): number;
  /** Moves the log into the file and syncs both, so that what was committed outlives a power failure. */
  checkpoint(): void;
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
export function registryDialect(database: RegistryDatabase): Dialect {
  return {
    createDriver: () => new WaitingDriver({ database }),
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** Waits for the transactions of other connections without holding up the event loop (one of them may need it to end). */
class WaitingDriver extends SqliteDriver {
  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection();
    return {
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
      async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
        const end = Date.now() + RETRY_MS;
        for (;;) {
          try {
            return await connection.executeQuery<R>(query);
          } catch (error) {
            if (!isBusy(error) || Date.now() > end) throw error;
          }
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
    prepare(sql) {
      const transaction = TRANSACTION[sql];
      if (transaction !== undefined) return executed(() => guard(() => database.exec(transaction)));
      const statement = guard(() => database.prepare(sql));
      return {
        reader: statement.reader,
        all: (parameters) => guard(() => statement.all(bindable(parameters))),
        run: (parameters) => guard(() => run(statement, parameters)),
        iterate: (parameters) => guard(() => statement.iterate(bindable(parameters))),
      };
    },
    dataVersion: () => guard(() => (dataVersion.all([])[0] as { data_version: number }).data_version),
    checkpoint: () => guard(() => database.prepare('PRAGMA wal_checkpoint(PASSIVE)').all([])),
    close: () => {
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

/**
 * libsql 0.5.29 aborts the whole process when it is to bind what it does not know, and cuts text at NUL when it reads.
 * Throws RegistryError `invalid`; booleans become 0 and 1.
 */
export function bindable(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value) => {
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (value === null || typeof value === 'number' || typeof value === 'bigint') return value;
    if (typeof value === 'string') {
      if (value.includes('\0')) throw new RegistryError('invalid', 'a text holds a NUL character, which cannot be stored');
      return value;
    }
    throw new RegistryError('invalid', `a ${typeof value} cannot be stored`);
  });
}

function guard<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('unavailable', `the registry failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
