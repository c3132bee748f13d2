import { openRegistry, type Registry } from '@hostwire/registry';
import { loadConfig, makeDataDir, type ServerConfig, type ServerOptions } from '../config/load-config.ts';
import { registryOptions } from '../config/registry-options.ts';

/** Runs a command on the registry; a server that runs sees what it changed within 2 s. */
export async function withRegistry<T>(options: ServerOptions, work: (registry: Registry, config: ServerConfig) => Promise<T>): Promise<T> {
  const config = loadConfig(options);
  makeDataDir(config.dataDir);
  const registry = await openRegistry(registryOptions(config));
  try {
    return await work(registry, config);
  } finally {
    await registry.close();
  }
}
