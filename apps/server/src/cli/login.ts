import type { Registry } from '@hostwire/registry';
import type { ServerOptions } from '../config/load-config.ts';
import { keptAddress, reachable } from '../kept-address.ts';
import { keptReach } from '../reach.ts';
import { print, printJson } from './print.ts';
import { withRegistry } from './with-registry.ts';

const LINK_TTL_MS = 24 * 3_600_000;

/** Prints a one-time link to the dashboard of the server that runs (or ran last) on this data directory. */
export function printLogin(options: ServerOptions, json: boolean): Promise<void> {
  return withRegistry(options, async (registry, config) => {
    const isGiven = options.port !== undefined || options.listen !== undefined;
    const reach = isGiven ? null : keptReach(config.dataDir);
    const address = isGiven ? null : reach?.loopbackOnly === false ? reach.httpUrl : keptAddress(config.dataDir, 'dashboard');
    const link = await loginLink(registry, address ?? dashboardUrl(config.listen, config.port));
    if (json) printJson({ link, expires_in: LINK_TTL_MS / 1000 });
    else print(`${link}\n(works once, for 24 hours)`);
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
