import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { failure, fine, type Observation } from './finding.ts';
import { type ListeningSocket, listeningSockets, occupies, ownerOf } from './listening-sockets.ts';

export interface WantedPort {
  /** What is served there: `the dashboard and API`. */
  readonly what: string;
  readonly address: string;
  readonly port: number;
  /** How to choose another: `--port`. */
  readonly option: string;
  /** Processes of Hostwire itself that may have it already; null: none runs. */
  readonly isOurs: ((pid: number | null) => boolean) | null;
}

const PRIVILEGED = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const CAP_NET_BIND_SERVICE = 10n;

/** Whether a port can be had, by what the kernel says of sockets: nothing is opened. */
export async function lookAtPort({ what, address, port, option, isOurs }: WantedPort): Promise<Observation> {
  const where = `port ${port} on ${address}`;
  if (!isLocal(address)) {
    return failure(
      `no interface of this machine has the address ${address}`,
      'set listen to an address that `ip address` shows, or to 0.0.0.0 for all',
    );
  }
  const holder = (await listeningSockets()).find((socket) => occupies(socket, address, port));
  if (holder === undefined) {
    if (await needsRights(port))
      return failure(
        `${where} needs more rights than this user has`,
        `choose a port from 1024 on with ${option}, or give the service CAP_NET_BIND_SERVICE`,
      );
    return fine(`${where} is free for ${what}`);
  }
  return occupied(holder, { what, address, port, option, isOurs }, where);
}

async function occupied(holder: ListeningSocket, { what, option, isOurs }: WantedPort, where: string): Promise<Observation> {
  const owner = await ownerOf(holder.inode);
  if (isOurs?.(owner?.pid ?? null) === true) return fine(`${where} is served: ${what}`);
  const who = owner === null ? 'another program' : `another program, ${owner.command} (process ${owner.pid})`;
  return failure(
    `${where}, wanted for ${what}, is in use by ${who}`,
    `stop that program (ss -ltnp shows it), or choose another port with ${option}`,
  );
}

function isLocal(address: string): boolean {
  if (['0.0.0.0', '::'].includes(address) || address.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address) === true);
}

async function needsRights(port: number): Promise<boolean> {
  const first = Number((await readFile(PRIVILEGED, 'utf8').catch(() => '1024')).trim());
  if (port === 0 || port >= first) return false;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8').catch(() => ''))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_NET_BIND_SERVICE) & 1n) === 0n;
}
