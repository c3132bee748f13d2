import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ports of which the real address is kept in the data directory, for the command line and for processes beside this one. */
export type KeptPort = 'dashboard' | 'mqtt' | 'influx';

/** An address to connect to, for one to listen on: of all interfaces, the loopback. In brackets if it is IPv6. */
export function reachable(listen: string): string {
  if (listen === '0.0.0.0') return '127.0.0.1';
  if (listen === '::') return '[::1]';
  return listen.includes(':') ? `[${listen}]` : listen;
}

/** Keeps where a port really is. Throws what the file system says. */
export function keepAddress(dataDir: string, of: KeptPort, address: string): void {
  const file = join(dataDir, `${of}.url`);
  // Another process may read it at any moment.
  writeFileSync(`${file}.${process.pid}`, `${address}\n`, { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

/** What the process that has the port, or had it last, on this data directory kept; null if none did. */
export function keptAddress(dataDir: string, of: KeptPort): string | null {
  try {
    return readFileSync(join(dataDir, `${of}.url`), 'utf8').trim();
  } catch {
    return null;
  }
}
