import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from '@hostwire/registry';
import type { ServerOptions } from '../config/load-config.ts';
import { print } from './print.ts';
import { withRegistry } from './with-registry.ts';

const LINK_TTL_MS = 24 * 3_600_000;

/** Prints a one-time link to the dashboard of the server that runs (or ran last) on this data directory. */
export function printLogin(options: ServerOptions): Promise<void> {
  return withRegistry(options, async (registry, config) => {
    const isGiven = options.port !== undefined || options.listen !== undefined;
    const address = isGiven ? null : keptAddress(config.dataDir, 'dashboard');
    print(`${await loginLink(registry, address ?? dashboardUrl(config.listen, config.port))}\n(works once, for 24 hours)`);
  });
}

/** The code stands in the fragment, which no browser sends and so no log holds. */
export async function loginLink(registry: Pick<Registry, 'logins'>, address: string): Promise<string> {
  const { code } = await registry.logins.createLink(LINK_TTL_MS);
  return `${address}/login#code=${code}`;
}

export function dashboardUrl(listen: string, port: number): string {
  return `http://${reachable(listen)}:${port}`;
}

/** An address to connect to, for one to listen on: of all interfaces, the loopback. In brackets if it is IPv6. */
export function reachable(listen: string): string {
  if (listen === '0.0.0.0') return '127.0.0.1';
  if (listen === '::') return '[::1]';
  return listen.includes(':') ? `[${listen}]` : listen;
}

/** So that the CLI names the port that the server really has. */
export function keepAddress(dataDir: string, of: 'dashboard' | 'mqtt', address: string): void {
  writeFileSync(join(dataDir, `${of}.url`), `${address}\n`, { mode: 0o600 });
}

/** What the server that runs, or ran last, on this data directory kept; null if none did. */
export function keptAddress(dataDir: string, of: 'dashboard' | 'mqtt'): string | null {
  try {
    return readFileSync(join(dataDir, `${of}.url`), 'utf8').trim();
  } catch {
    return null;
  }
}
