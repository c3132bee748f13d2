import { join } from 'node:path';
import type { Counters } from '@hostwire/model';
import type { RegistryOptions } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { ServerConfig } from './load-config.ts';

/** A server may start with its database; nobody looks at it meanwhile. */
const START_WAIT_MS = 60_000;

/** Which registry the configuration means. For a `server` a database that does not accept connections yet is waited for. */
export function registryOptions(
  { database, dataDir }: Pick<ServerConfig, 'database' | 'dataDir'>,
  server?: { readonly logger: Logger; readonly counters: Counters },
): RegistryOptions {
  const counted = server === undefined ? {} : { counters: server.counters };
  if (database.kind === 'sqlite') return { file: join(dataDir, 'registry.db'), ...counted };
  if (server === undefined) return { url: database.url };
  const onWait = (reason: string): void => server.logger.warn(`${reason}; waiting for it up to ${START_WAIT_MS / 1000} s`);
  return { url: database.url, waitMs: START_WAIT_MS, onWait, ...counted };
}
