import libsql from 'libsql';

/** What may be bound to a statement. Anything else makes libsql 0.5.29 abort the whole process, past any try/catch. */
export type Bind = number | bigint | string | Uint8Array | null;

/** What a column holds. Rows come as arrays in the order of the columns; integers beyond 2^53 would be rounded. */
export type Cell = number | string | Buffer | null;

/** True if `error` is SQLite's; `code` is its symbolic result code, e.g. `SQLITE_FULL`. */
export function sqliteCode(error: unknown): string | null {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : null;
}

/** True if the file is damaged or no database at all. */
export function isDamagedFile(error: unknown): boolean {
  const code = sqliteCode(error) ?? '';
  return code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB');
}

/** True if a table is missing: the writer has made the file, and not yet what is in it. */
export function isWithoutTables(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no such table');
}

/** A prepared statement whose binds are checked. */
export class Statement {
  readonly #statement: libsql.Statement;

  constructor(statement: libsql.Statement) {
    this.#statement = statement;
  }

  run(binds: readonly Bind[] = []): void {
    this.#statement.run(checked(binds));
  }

  /** The first row, or undefined. */
  get(binds: readonly Bind[] = []): Cell[] | undefined {
    return this.#statement.get(checked(binds)) as Cell[] | undefined;
  }

  all(binds: readonly Bind[] = []): Cell[][] {
    return this.#statement.all(checked(binds)) as Cell[][];
  }
}

function checked(binds: readonly Bind[]): Bind[] {
  for (let i = 0; i < binds.length; i++) {
    const bind = binds[i];
    const type = typeof bind;
    if (type === 'number' || type === 'string' || type === 'bigint' || bind === null || bind instanceof Uint8Array) continue;
    throw new TypeError(`cannot bind a ${type} to parameter ${i + 1} of an SQL statement`);
  }
  return binds as Bind[];
}

/** One connection. A reader's never creates the file and cannot write. Throws SQLite's error if the file cannot be opened. */
export class SqlFile {
  readonly path: string;
  readonly #database: libsql.Database;
  readonly #statements = new Map<string, Statement>();

  constructor(path: string, mode: 'write' | 'read') {
    this.path = path;
    // A path that holds ? or # would be cut short as a URI.
    this.#database = new libsql(mode === 'read' ? `file:${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}?mode=ro` : path);
  }

  /** Runs SQL text without parameters. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** The statement for this text, prepared once. */
  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      const prepared = this.#database.prepare(sql);
      statement = new Statement(/^\s*(SELECT|PRAGMA)/i.test(sql) ? prepared.raw() : prepared);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work` in one transaction; rolls back and rethrows if it throws. */
  transaction<T>(work: () => T, kind: 'IMMEDIATE' | 'DEFERRED' = 'IMMEDIATE'): T {
    this.exec(`BEGIN ${kind}`);
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Never throws: SQLite may have rolled back already. */
  rollback(): void {
    if (!this.#database.inTransaction) return;
    try {
      this.exec('ROLLBACK');
    } catch {
      // The error that led here is the one to tell.
    }
  }

  close(): void {
    this.rollback();
    this.#statements.clear();
    this.#database.close();
  }
}

/** Settings of every file of the store that is written: durable at each commit, small cache. */
export const WRITER_PRAGMAS = `
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -4096;
PRAGMA temp_store = MEMORY;
PRAGMA busy_timeout = 5000;
PRAGMA wal_autocheckpoint = 2000;
`;
