import { join } from 'node:path';
import { openTls, type Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { ServerConfig } from '../config/load-config.ts';
import { isLoopback } from '../kept-address.ts';

/** Where the own CA and its certificates are kept. */
export function tlsFolder(dataDir: string): string {
  return join(dataDir, 'tls');
}

/**
 * The certificates of a process whose ports are open to other machines; null if they are not. Throws TlsError if they
 * cannot be used.
 */
export async function openServerTls(
  config: ServerConfig,
  { counters, logger }: { counters: Counters; logger: Logger },
): Promise<Tls | null> {
  const { listen, dataDir, tls, publicUrl, publicMqttUrl } = config;
  if (isLoopback(listen)) return null;
  return openTls({
    folder: tlsFolder(dataDir),
    ...(tls.files === undefined ? {} : { files: tls.files }),
    names: [...tls.names, ...[publicUrl, publicMqttUrl].flatMap((url) => (url === undefined ? [] : [hostOf(url)]))],
    asksClients: tls.clientCertificates !== 'off',
    logger,
    count: (name) => counters.add(name),
  });
}

/** Without brackets. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
