import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from './system.ts';

/**
 * A file system of so many MiB in memory, gone when the running test ends; null, with a line that says so, where this user
 * may not mount one.
 */
export function smallDisk(mib: number): { readonly folder: string; remount(how: 'ro' | 'rw'): void } | null {
  const folder = tempDir();
  const mount = (...args: string[]) => spawnSync('mount', args, { encoding: 'utf8' });
  const { status, stderr, error } = mount('-t', 'tmpfs', '-o', `size=${mib}m,mode=0700`, 'tmpfs', folder);
  if (status !== 0) {
    process.stdout.write(`no test on a disk of its own, cannot mount a tmpfs here: ${error?.message ?? stderr.trim()}\n`);
    return null;
  }
  onTestFinished(() => {
    spawnSync('umount', ['-l', folder]);
  });
  return { folder, remount: (how) => void mount('-o', `remount,${how}`, folder) };
}

/** A file that seems to have so many bytes, and takes no room. */
export function sparseFile(path: string, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'w', 0o600));
  truncateSync(path, bytes);
}
