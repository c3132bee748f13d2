import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lockHolders } from '@hostwire/journal';
import { pidsOfLocks } from '@hostwire/service/doctor';
import type { ServerConfig } from '../config/load-config.ts';
import { readInternalToken } from '../internal-token.ts';
import { keptAddress } from '../kept-address.ts';

/** What runs on a data directory now, as far as this user may know. */
export interface RunningServer {
  /** Folder names of the processes' instances: their names, with `_` for what no file name has. */
  readonly instances: readonly string[];
  /** What the file system said when it could not be told what runs; null if it could. */
  readonly unreadable: unknown;
  /** Of these, where it can be told. */
  readonly pids: readonly number[];
  /** Of a process with the role api; null: none answers. */
  readonly health: Health | null;
  /** `http://127.0.0.1:8080`; null if nobody has served the dashboard yet. */
  readonly address: string | null;
  /** A body of the API. Rejects with an Error that says what to do if it cannot be had. */
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
}

export interface Health {
  readonly roles: readonly string[];
  readonly version: string;
  readonly degraded: readonly string[];
}

const TIMEOUT_MS = 5000;

/** Looks who has a name on this data directory, and whether the API answers where it was kept. Throws what the file system says. */
export async function findRunningServer({ dataDir }: Pick<ServerConfig, 'dataDir'>): Promise<RunningServer> {
  const folder = join(dataDir, 'instances');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const held = await Promise.all(names.map(async (name) => ({ name, locks: await lockHolders(join(folder, name)) })));
  const running = held.filter(({ locks }) => locks.length > 0);
  const address = keptAddress(dataDir, 'dashboard');
  // Another program may have its port by now.
  const health = running.length === 0 || address === null ? null : await askHealth(address);
  return {
    instances: running.map(({ name }) => name),
    unreadable: null,
    pids: await pidsOfLocks(running.flatMap(({ locks }) => locks)),
    health,
    address,
    get: (path, signal) => ask(address, dataDir, path, signal),
  };
}

async function askHealth(address: string): Promise<Health | null> {
  try {
    const answer = await fetch(`${address}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    const { roles, version, degraded } = (await answer.json()) as Partial<Health>;
    return Array.isArray(roles) && typeof version === 'string' && Array.isArray(degraded) ? { roles, version, degraded } : null;
  } catch {
    return null;
  }
}

async function ask<T>(address: string | null, dataDir: string, path: string, signal?: AbortSignal): Promise<T> {
  const token = readInternalToken(dataDir);
  if (address === null || token === null) throw new Error(`no server has run on ${dataDir} yet; start it`);
  const answer = await fetch(`${address}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal === undefined ? [] : [signal])]),
    redirect: 'error',
  });
  if (!answer.ok) throw new Error(`the server at ${address} answers ${path} with HTTP ${answer.status}; see its log`);
  return (await answer.json()) as T;
}

/** Where this user may not look. */
export function unknownServer(reason: unknown): RunningServer {
  const get = () => Promise.reject(new Error('run this as root or as the user of the service'));
  return { instances: [], unreadable: reason, pids: [], health: null, address: null, get };
}
