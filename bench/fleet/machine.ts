import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@hostwire/testkit';
import { type Ended, mustRun, runCommand } from './command.ts';

/** A system of its own: files (an overlay on a tree), processes, network, host name. No service manager. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Its files as they are seen from outside; from inside it is /. */
  readonly root: string;
  /** Runs a shell command as root in it. */
  sh(command: string, options?: { timeoutMs?: number; input?: string }): Promise<Ended>;
  /** The same; throws unless it ends with 0. */
  must(command: string, options?: { timeoutMs?: number }): Promise<string>;
  /** Runs a program of this machine, not of its tree, in its network. */
  inNetwork(argv: readonly string[]): Promise<Ended>;
  /** Copies a file of this machine into it. */
  copy(from: string, to: string): void;
  /** All files, folders and links of it but those in /proc, /sys, /dev, /run and /tmp, sorted. */
  files(): Promise<string[]>;
  /** Plugs its network cable in, or out. */
  plug(isIn: boolean): Promise<void>;
  /** Ends all its processes at once (SIGKILL). Its files stay. */
  powerOff(): Promise<void>;
  boot(): Promise<void>;
  remove(): Promise<void>;
}

export interface MachineOptions {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  /** Name of the network namespace with the bridge br0. */
  readonly bridge: string;
  readonly tree: string;
  readonly folder: string;
}

/** What process 1 does: mounts what every system has, and waits for processes that nobody else waits for. */
const INIT = `
set -e
root=$1
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mknod -m 666 "$root/dev/null" c 1 3; mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/random" c 1 8; mknod -m 666 "$root/dev/urandom" c 1 9
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
hostname "$2"
exec chroot "$root" /bin/sh -c 'echo booted; trap : TERM; while :; do sleep 5; done'
`;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export async function startMachine({ name, address, namespace, bridge, tree, folder }: MachineOptions): Promise<Machine> {
  const [root, upper, work] = ['root', 'upper', 'work'].map((part) => join(folder, part)) as [string, string, string];
  for (const path of [root, upper, work]) mkdirSync(path, { recursive: true });
  await mustRun(['mount', '-t', 'overlay', 'overlay', '-o', `lowerdir=${tree},upperdir=${upper},workdir=${work}`, root]);
  const cable = `v${namespace.replace(/\W/g, '')}`.slice(0, 15);
  await mustRun(['ip', 'netns', 'add', namespace]);
  await mustRun(['ip', '-n', namespace, 'link', 'set', 'lo', 'up']);
  await mustRun(['ip', '-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', cable, 'netns', bridge]);
  await mustRun(['ip', '-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0']);
  await mustRun(['ip', '-n', namespace, 'link', 'set', 'eth0', 'up']);
  await mustRun(['ip', '-n', bridge, 'link', 'set', cable, 'master', 'br0', 'up']);

  let init: ChildProcess | null = null;
  /** Of the machine's process 1, as this machine numbers it. */
  let pid = 0;

  const boot = async (): Promise<void> => {
    const apart = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'];
    const child = spawn('ip', ['netns', 'exec', namespace, 'unshare', ...apart, 'sh', '-c', INIT, 'sh', root, name], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    init = child;
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    if (!said.toString().includes('booted')) throw new Error(`${name} does not boot: ${said}`);
    // `ip netns exec` becomes unshare, which has one child.
    pid = await waitFor(() => childOf(child.pid ?? 0), { what: `process 1 of ${name}` });
  };
  const powerOff = async (): Promise<void> => {
    if (init === null) return;
    const gone = once(init, 'exit');
    // The end of process 1 ends all of its namespace (pid_namespaces(7)).
    process.kill(pid, 'SIGKILL');
    await gone;
    init = null;
  };
  const enter = (command: string): string[] => {
    const inside = ['-t', String(pid), '--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd'];
    return ['nsenter', ...inside, '/usr/bin/env', '-i', PATH, 'HOME=/root', 'LC_ALL=C.UTF-8', '/bin/sh', '-c', command];
  };
  await boot();

  return {
    name,
    address,
    root,
    sh: (command, options) => runCommand(enter(command), options),
    must: (command, options) => mustRun(enter(command), options),
    inNetwork: (argv) => runCommand(['ip', 'netns', 'exec', namespace, ...argv]),
    copy(from, to) {
      mkdirSync(join(root, to, '..'), { recursive: true });
      cpSync(from, join(root, to));
    },
    async files() {
      const skipped = ['/proc', '/sys', '/dev', '/run', '/tmp'].flatMap((path) => ['-path', path, '-prune', '-o']);
      return (await mustRun(enter(`find / ${skipped.join(' ')} -print`))).trim().split('\n').sort();
    },
    async plug(isIn) {
      await mustRun(['ip', '-n', bridge, 'link', 'set', cable, isIn ? 'up' : 'down']);
    },
    powerOff,
    boot,
    async remove() {
      await powerOff();
      await runCommand(['ip', 'netns', 'del', namespace]);
      await runCommand(['umount', '-l', root]);
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function childOf(parent: number): number | null {
  try {
    const [child] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
    return child === undefined || child === '' ? null : Number(child);
  } catch {
    return null;
  }
}
