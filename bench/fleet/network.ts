import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun, runCommand } from './command.ts';
import { type Machine, startMachine } from './machine.ts';

/** Machines on one Ethernet, apart from all other networks of this one. */
export interface Network {
  /** A new machine, booted, at the next address. */
  add(name: string): Promise<Machine>;
  /** Ends all of them and removes what they had. */
  close(): Promise<void>;
}

/** Why machines cannot be made here, or null. */
export async function whyNoMachines(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'only root can make namespaces and mounts for machines';
  const tried = await runCommand([
    'unshare',
    '--mount',
    '--pid',
    '--net',
    '--uts',
    '--fork',
    '--mount-proc',
    'mount',
    '-t',
    'tmpfs',
    'none',
    '/mnt',
  ]);
  return tried.code === 0 ? null : `namespaces with mounts are not allowed here: ${tried.text.trim()}`;
}

/** `tree`: a Debian system, which is never written to. */
export async function startNetwork(tree: string): Promise<Network> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-fleet-'));
  const id = `hwf${process.pid.toString(36)}`;
  const bridge = `${id}-br`;
  const machines: Machine[] = [];
  await mustRun(['ip', 'netns', 'add', bridge]);
  await mustRun(['ip', '-n', bridge, 'link', 'add', 'br0', 'type', 'bridge']);
  await mustRun(['ip', '-n', bridge, 'link', 'set', 'br0', 'up']);
  // Written to by nobody else, so that no disk is: a file system of its own, gone with the last of its mounts.
  await mustRun(['mount', '-t', 'tmpfs', '-o', 'size=6g', 'hostwire-fleet', folder]);
  return {
    async add(name) {
      const number = machines.length + 1;
      const machine = await startMachine({
        name,
        address: `10.77.0.${number}`,
        namespace: `${id}-${number}`,
        bridge,
        tree,
        folder: join(folder, name),
      });
      machines.push(machine);
      return machine;
    },
    async close() {
      for (const machine of machines) await machine.remove();
      await runCommand(['ip', 'netns', 'del', bridge]);
      await runCommand(['umount', '-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
