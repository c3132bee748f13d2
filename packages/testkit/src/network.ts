import { spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { findCommand } from './system.ts';

/** A machine of its own as far as the network is concerned: a namespace with one wire to this one. */
export interface NetworkHost {
  /** Name of its network namespace. */
  readonly namespace: string;
  /** Its address, and that of this machine on the wire. */
  readonly address: string;
  readonly gateway: string;
  /** Nothing comes through any more, and nobody is told. */
  cut(): void;
  mend(): void;
}

let made = 0;

/** So many of them, gone when the running test ends; null, with a line that says so, where this user may make none. */
export function networkHosts(count: number): NetworkHost[] | null {
  const hosts: NetworkHost[] = [];
  for (let index = 0; index < count; index++) {
    const number = ++made;
    const namespace = `hw${process.pid}-${number}`;
    const wire = `hw${process.pid % 100_000}n${number}`;
    // 198.18.0.0/15 is for tests (RFC 2544); a block of four for each, apart for each process.
    const block = ((process.pid % 2048) * 32 + (number % 32)) * 4;
    const at = (offset: number): string => `198.${18 + ((block >> 16) & 1)}.${(block >> 8) & 255}.${(block & 255) + offset}`;
    const [gateway, address] = [at(1), at(2)];
    onTestFinished(() => {
      ip('netns', 'del', namespace);
      ip('link', 'del', wire);
    });
    const failed = [
      ['netns', 'add', namespace],
      ['link', 'add', wire, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace],
      ['addr', 'add', `${gateway}/30`, 'dev', wire],
      ['link', 'set', wire, 'up'],
      ['-n', namespace, 'addr', 'add', `${address}/30`, 'dev', 'eth0'],
      ['-n', namespace, 'link', 'set', 'eth0', 'up'],
      ['-n', namespace, 'link', 'set', 'lo', 'up'],
    ].find((args) => ip(...args) !== '');
    if (failed !== undefined) {
      process.stdout.write(`no test with hosts of their own network, this user may not: ip ${failed.join(' ')}\n`);
      return null;
    }
    hosts.push({
      namespace,
      address,
      gateway,
      cut: () => void ip('-n', namespace, 'link', 'set', 'eth0', 'down'),
      mend: () => void ip('-n', namespace, 'link', 'set', 'eth0', 'up'),
    });
  }
  return hosts;
}

/** What went wrong; empty: nothing. */
function ip(...args: readonly string[]): string {
  const { status, stderr, error } = spawnSync(findCommand('ip') ?? 'ip', args, { encoding: 'utf8' });
  return status === 0 ? '' : (error?.message ?? (stderr.trim() || 'failed'));
}
