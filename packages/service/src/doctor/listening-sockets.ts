import { readdir, readFile, readlink } from 'node:fs/promises';

/** A TCP socket of this machine (of this network namespace) that listens. */
export interface ListeningSocket {
  /** As Node.js writes it; `0.0.0.0` and `::` are all addresses. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** State LISTEN of include/net/tcp_states.h in Linux. */
const LISTEN = '0A';

/** All of /proc/net/tcp and tcp6 (proc(5)); what the kernel does not have is left out. */
export async function listeningSockets(): Promise<ListeningSocket[]> {
  const [four, six] = await Promise.all(['tcp', 'tcp6'].map((file) => readFile(`/proc/net/${file}`, 'utf8').catch(() => '')));
  return [...parseSockets(four ?? ''), ...parseSockets(six ?? '')];
}

/** What of such a file listens. */
export function parseSockets(text: string): ListeningSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [hex = '', port = ''] = local.split(':');
    return state === LISTEN && /^[0-9A-F]+$/.test(hex) ? [{ address: parseAddress(hex), port: Number.parseInt(port, 16), inode }] : [];
  });
}

/** Words of 32 bits, each in the byte order of the machine: little-endian on all that Hostwire runs on. */
function parseAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Whether somebody who listens on `socket` keeps another from listening on this address and port (ip(7), ipv6(7)). */
export function occupies(socket: ListeningSocket, address: string, port: number): boolean {
  if (socket.port !== port) return false;
  if (socket.address === address || socket.address === '::' || address === '::') return true;
  return isV4(socket.address) && isV4(address) && [socket.address, address].includes('0.0.0.0');
}

function isV4(address: string): boolean {
  return !address.includes(':');
}

/** The process that has a socket, as `name (process 123)`; null if this user may not look or it is gone. */
export async function ownerOf(inode: string): Promise<{ readonly pid: number; readonly command: string } | null> {
  const wanted = `socket:[${inode}]`;
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    for (const descriptor of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${name}/fd/${descriptor}`).catch(() => '');
      if (target === wanted) return { pid: Number(name), command: await commandOf(name) };
    }
  }
  return null;
}

/** Arguments may hold secrets of others: only the program is named. */
async function commandOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program');
  return name.trim();
}

/** Processes that hold these locks of folders (sockets that listen, by their file names); without those that this user may not look at. */
export async function pidsOfLocks(names: readonly string[]): Promise<number[]> {
  if (names.length === 0) return [];
  const ids = names.map((name) => name.replace(/\.sock$/, ''));
  // The kernel keeps the path that was bound: the lock's draft, before it was renamed.
  const lines = (await readFile('/proc/net/unix', 'utf8').catch(() => '')).split('\n');
  const inodes = lines.flatMap((line) => {
    const [, , , , , , inode, path = ''] = line.trim().split(/\s+/);
    return inode !== undefined && ids.some((id) => path.includes(`/${id}.`)) ? [inode] : [];
  });
  const owners = await Promise.all(inodes.map(ownerOf));
  return [...new Set(owners.flatMap((owner) => (owner === null ? [] : [owner.pid])))];
}
