import { join } from 'node:path';
import type { RegistryOptions } from '@hostwire/registry';
import type { ServerConfig } from './load-config.ts';

/** Which registry the configuration means. */
export function registryOptions({ database, dataDir }: Pick<ServerConfig, 'database' | 'dataDir'>): RegistryOptions {
  return database.kind === 'postgres' ? { url: database.url } : { file: join(dataDir, 'registry.db') };
}
