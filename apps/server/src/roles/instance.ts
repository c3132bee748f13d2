import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { JournalError, lockFolder } from '@hostwire/journal';
import type { ServerConfig } from '../config/load-config.ts';

/** What tells one process of the server from all others, the same again after a restart. */
export interface Instance {
  /** For people: `<hostname>/<roles joined by +>`, or the configured one; with `-2`, `-3`, ... beside others on the data directory. */
  readonly name: string;
  /** Random, so that machines of one host name do not take each other's leases and connections. */
  readonly id: string;
  release(): Promise<void>;
}

const MAX_SLOTS = 64;
const ID = /^[0-9a-f]{16}$/;

/** Takes the first name that no process on this data directory has now; it is free again when this process ends, however. */
export async function claimInstance({ dataDir, roles, instance }: Pick<ServerConfig, 'dataDir' | 'roles' | 'instance'>): Promise<Instance> {
  const wanted = instance ?? `${hostname()}/${roles.join('+')}`;
  for (let slot = 1; ; slot++) {
    const name = slot === 1 ? wanted : `${wanted}-${slot}`;
    const folder = join(dataDir, 'instances', name.replace(/[^A-Za-z0-9_.+-]/g, '_'));
    try {
      const lock = await lockFolder(folder);
      return { name, id: idIn(folder), release: () => lock.release() };
    } catch (error) {
      const isTaken = error instanceof JournalError && error.code === 'locked';
      if (!isTaken || slot >= MAX_SLOTS) throw error;
    }
  }
}

/** Whoever reads or writes it has the lock. */
function idIn(folder: string): string {
  const file = join(folder, 'id');
  try {
    const known = readFileSync(file, 'utf8').trim();
    if (ID.test(known)) return known;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomBytes(8).toString('hex');
  writeFileSync(file, `${made}\n`, { mode: 0o600 });
  return made;
}
