import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import LibsqlDatabase from 'libsql';
import { KNOWN_SCHEMA, readMeta } from './migrations.ts';
import { postgresBackend } from './postgres-database.ts';
import { RegistryError } from './registry.ts';

export interface RegistryInspection {
  /** Number of the schema that is there; 0: none yet. */
  readonly schema: number;
  /** Of the schema that this program writes; a higher one was written by a newer program. */
  readonly known: number;
}

/** More than that is not copied only to be looked at. */
const MAX_COPY_BYTES = 256 * 1024 * 1024;

/**
 * Looks at a registry without changing it: no file is made, nothing is migrated. A SQLite file is looked at as a copy, so
 * no process may have it open; null if it is larger than is worth copying. Throws RegistryError `unavailable` if it cannot
 * be opened, is damaged or is no database; the system's error if its files cannot be read.
 */
export async function inspectRegistry(options: { readonly file: string } | { readonly url: string }): Promise<RegistryInspection | null> {
  return 'url' in options ? inspectPostgres(options.url) : inspectFile(options.file);
}

async function inspectPostgres(url: string): Promise<RegistryInspection> {
  const { db } = postgresBackend(url);
  try {
    const tables = await db.introspection.getTables();
    const isThere = tables.some(({ name }) => name === 'meta');
    return { schema: isThere ? await readMeta(db, 'schema') : 0, known: KNOWN_SCHEMA };
  } finally {
    await db.destroy();
  }
}

async function inspectFile(file: string): Promise<RegistryInspection | null> {
  const folder = await mkdtemp(join(tmpdir(), 'hostwire-look-'));
  try {
    // What was committed last may stand in the log alone.
    for (const ending of ['', '-wal']) {
      const size = await stat(`${file}${ending}`).then(
        (found) => found.size,
        (error: NodeJS.ErrnoException) => {
          if (ending === '' || error.code !== 'ENOENT') throw error;
          return null;
        },
      );
      if (size !== null && size > MAX_COPY_BYTES) return null;
      if (size !== null) await copyFile(`${file}${ending}`, join(folder, `copy.db${ending}`));
    }
    return read(join(folder, 'copy.db'), file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function read(copy: string, file: string): RegistryInspection {
  try {
    const database = new LibsqlDatabase(copy);
    try {
      const [check] = database.prepare('PRAGMA quick_check(1)').all([]) as { quick_check: string }[];
      if (check?.quick_check !== 'ok') throw new Error(check?.quick_check ?? 'it cannot be checked');
      const isThere = database.prepare("select 1 from sqlite_master where name = 'meta'").all([]).length > 0;
      const [row] = isThere ? (database.prepare("select value from meta where key = 'schema'").all([]) as { value: number }[]) : [];
      return { schema: row?.value ?? 0, known: KNOWN_SCHEMA };
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new RegistryError('unavailable', `the registry ${file} is damaged or no database: ${(cause as Error).message}`, { cause });
  }
}
