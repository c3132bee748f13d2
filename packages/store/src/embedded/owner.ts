import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SqlFile, sqliteCode } from './sql.ts';

/** Another process has the store open. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  readonly code = 'locked';
}

/**
 * Makes this process the one owner of the directory until `close`, or its end, whatever that is (the lock is the
 * kernel's). Throws LockedError if there is one already.
 */
export function own(directory: string): SqlFile {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = new SqlFile(join(directory, 'owner.db'), 'write');
  try {
    file.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return file;
  } catch (error) {
    file.close();
    if (sqliteCode(error)?.startsWith('SQLITE_BUSY') !== true) throw error;
    throw new LockedError(`another process has the series store in ${directory} open: stop it, or give this one another directory`);
  }
}
