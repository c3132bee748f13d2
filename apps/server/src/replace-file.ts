import { chownSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Whether the file was written: not if it holds this text already. It is 0600, replaced as a whole, and belongs to the owner of its
 * folder. Throws what the file system says.
 */
export function replaceFile(file: string, text: string): boolean {
  if (readOrNull(file) === text) return false;
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  // Who is to read it drops root's rights before that.
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(dirname(file));
    chownSync(temporary, uid, gid);
  }
  renameSync(temporary, file);
  return true;
}

/** The text of a file; null if there is none. */
export function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
