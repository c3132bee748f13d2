import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

/** What the machine says of itself. */
export interface MachineFacts {
  readonly hostname: string;
  /** Without zones; loopback and link-local ones may be among them. */
  readonly addresses: readonly string[];
  /** Text of /etc/hosts and of /etc/resolv.conf. */
  readonly hosts: string;
  readonly resolver: string;
}

const LABELS = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** True for a DNS name without wildcard, or an IP address. */
export function isName(name: string): boolean {
  return isIP(name) !== 0 || (name.length <= 253 && LABELS.test(name));
}

/** What this machine is called and reached by: read from its own files, asks nobody. */
export function readMachine(): MachineFacts {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
  return { hostname: hostname(), addresses, hosts: read('/etc/hosts'), resolver: read('/etc/resolv.conf') };
}

/**
 * Names and addresses by which a machine may be asked for: its host name, that with its domains and with `.local`
 * (RFC 6762), `localhost`, and all addresses but link-local ones, which mean nothing without a zone. Lower case, each once.
 */
export function namesOf({ hostname: machine, addresses, hosts, resolver }: MachineFacts): string[] {
  const own = machine.toLowerCase();
  const [short = own] = own.split('.');
  const lines = hosts.split('\n').map((line) => line.replace(/#.*/, '').toLowerCase().trim().split(/\s+/).slice(1));
  const aliases = lines.filter((names) => names.includes(own) || names.includes(short)).flat();
  const domains = resolver
    .split('\n')
    .filter((line) => /^(domain|search)\s/.test(line))
    .flatMap((line) => line.trim().split(/\s+/).slice(1, 2))
    .map((domain) => domain.toLowerCase().replace(/\.$/, ''));
  const inDomains = domains.filter((domain) => domain !== '').map((domain) => `${short}.${domain}`);
  const reached = addresses.map((address) => address.toLowerCase()).filter((address) => !/^(fe[89ab]|169\.254\.)/.test(address));
  const all = [own, short, ...aliases, ...inDomains, `${short}.local`, 'localhost', '127.0.0.1', '::1', ...reached];
  return [...new Set(all)].filter(isName);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
