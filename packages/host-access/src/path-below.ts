import { readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { AccessError } from './host-access.ts';

/** As the kernel's own limit (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Where a host's path lies in a tree that is mounted at `root`: symbolic links are followed as the host itself would, so
 * that an absolute one stays below `root` (as openat2(2) with RESOLVE_IN_ROOT, which Node.js does not have). The last part
 * is not followed with `keepLast`. Throws AccessError `ELOOP`; what does not exist is left to whoever opens it.
 */
export async function pathBelow(root: string, path: string, keepLast: boolean): Promise<string> {
  const parts = path.split('/');
  let links = 0;
  let at = '/';
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const next = posix.join(at, part);
    const isLast = parts.length === 0;
    const target = part === '' || (isLast && keepLast) ? null : await readlink(posix.join(root, next)).catch(() => null);
    if (target === null) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new AccessError('ELOOP', `${path}: too many symbolic links`);
    if (target.startsWith('/')) at = '/';
    parts.unshift(...target.split('/'));
  }
  return posix.join(root, at);
}
