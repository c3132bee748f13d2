import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';

/** Ports of which the real address is kept in the data directory, for the command line and for processes beside this one. */
export type KeptPort = 'dashboard' | 'mqtt' | 'mqtts' | 'influx';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for an address, IPv4 also as IPv6 maps it, by which a machine reaches only itself (RFC 6890). */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Where this machine reaches a port with this address to listen on without TLS: its loopback. In brackets if it is IPv6. */
export function reachable(listen: string): string {
  if (listen === '::') return '[::1]';
  if (!isLoopback(listen)) return '127.0.0.1';
  return listen.includes(':') ? `[${listen}]` : listen;
}

/** Keeps where a port really is. Throws what the file system says. */
export function keepAddress(dataDir: string, of: KeptPort, address: string): void {
  keepFile(join(dataDir, `${of}.url`), `${address}\n`);
}

/** Replaces a file that another process may read at any moment. Throws what the file system says. */
export function keepFile(file: string, text: string): void {
  writeFileSync(`${file}.${process.pid}`, text, { mode: 0o600 });
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
