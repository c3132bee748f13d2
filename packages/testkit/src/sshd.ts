import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { findCommand, freePort, waitFor } from './system.ts';

export interface SshdOptions {
  /** What authorized_keys says before the key, e.g. `restrict,command="..."`. */
  readonly keyOptions?: string;
  /** Lines of sshd_config beside those that are needed. */
  readonly config?: readonly string[];
  /** What it is started by, such as `unshare --mount`; a shell's `exec "$@"` is to follow. */
  readonly by?: readonly string[];
  /** Other users may come by the keys of their own files. */
  readonly ownKeys?: boolean;
  /** Name of a network namespace to listen in, at `address`. */
  readonly namespace?: string;
  readonly address?: string;
  readonly port?: number;
  /** Keys of another one, whose host this one stands for; default new ones. */
  readonly folder?: string;
}

/** A real sshd (OpenSSH) for a test, which lets this user in with one key. */
export interface Sshd {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Private key that it lets in. */
  readonly keyFile: string;
  /** In the format of known_hosts. */
  readonly knownHostsFile: string;
  /** Its keys and configuration. */
  readonly folder: string;
  /** Its public key: type and base64. */
  readonly hostKey: string;
  /** Ends it and all its connections. */
  kill(): Promise<void>;
  /** Starts it again. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts sshd in the foreground. It needs to be root to serve anybody but itself. Throws if it does not answer within 15 s. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const { address = '127.0.0.1', namespace, keyOptions = '', config = [] } = options;
  const command = findCommand('sshd');
  if (command === null) throw new Error('openssh-server is not installed');
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'hostwire-sshd-'));
  const port = options.port ?? (await freePort());
  const at = (name: string): string => join(folder, name);
  if (options.folder === undefined) {
    for (const name of ['host_key', 'user_key']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
  }
  // Privilege separation wants it; a machine that never ran sshd has it not.
  mkdirSync('/run/sshd', { recursive: true });
  const hostKey = readFileSync(at('host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  const name = port === 22 ? address : `[${address}]:${port}`;
  writeFileSync(at('known_hosts'), `${name} ${hostKey}\n`);
  writeFileSync(at('authorized_keys'), `${keyOptions === '' ? '' : `${keyOptions} `}${readFileSync(at('user_key.pub'), 'utf8')}`, {
    mode: 0o600,
  });
  const lines = [
    `ListenAddress ${address}`,
    `Port ${port}`,
    `HostKey ${at('host_key')}`,
    `AuthorizedKeysFile ${options.ownKeys === true ? '.ssh/authorized_keys' : at('authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
    'LogLevel ERROR',
    // The shell of this user reads no files of his.
    `SetEnv HOME=${folder}`,
  ];
  const own = options.ownKeys === true ? [`Match User ${userInfo().username}`, `AuthorizedKeysFile ${at('authorized_keys')}`] : [];
  writeFileSync(at('sshd_config'), `${[...lines, ...config, ...own].join('\n')}\n`);
  const argv = [command, '-D', '-e', '-f', at('sshd_config')];
  const start = () => {
    const [program = '', ...args] = [
      ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
      ...(options.by ?? []),
      ...argv,
    ];
    return spawn(program, args, { stdio: 'ignore' });
  };
  let child = start();
  const answering = (): Promise<unknown> =>
    waitFor(
      async () => {
        if (namespace !== undefined) return true;
        const socket = connect(port, address);
        try {
          await once(socket, 'connect');
          return true;
        } catch {
          return false;
        } finally {
          socket.destroy();
        }
      },
      { what: 'sshd' },
    );
  const kill = async (): Promise<void> => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    // Those who serve connections are in sessions of their own, so that no group holds them all.
    for (const pid of [child.pid, ...descendants(child.pid)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    await exited;
  };
  const user = userInfo().username;
  await answering();
  return {
    address,
    port,
    user,
    keyFile: at('user_key'),
    knownHostsFile: at('known_hosts'),
    folder,
    hostKey,
    kill,
    async restart() {
      await kill();
      child = start();
      await answering();
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All processes that come from this one (proc_pid_stat(5), field 4). */
function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It ended.
    }
  }
  const found: number[] = [];
  for (let generation = [pid]; generation.length > 0; found.push(...generation)) {
    generation = [...parents].filter(([, parent]) => generation.includes(parent)).map(([child]) => child);
  }
  return found;
}
