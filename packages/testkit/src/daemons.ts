import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand, freePort, waitFor } from './system.ts';

/** A real server of a system package, started for a test or benchmark; ended by its pid. */
export interface Daemon {
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Its configuration and data; gone after `stop`. */
  readonly folder: string;
  /** Ends it with SIGKILL and keeps its folder. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, and waits until it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * InfluxDB 1.x (Debian's package `influxdb`) on free ports with a folder of its own. `auth`: it asks for a user and a
 * password. Throws if it is not installed or does not answer within a minute.
 */
export async function startInfluxd({ auth = false }: { auth?: boolean } = {}): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-influxd-'));
  const [http, rpc] = [await freePort(), await freePort()];
  const config = join(folder, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
  logging-enabled = false
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "5s"
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
  auth-enabled = ${auth}
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[logging]
  level = "error"
`,
  );
  const url = `http://127.0.0.1:${http}`;
  return start(folder, 'influxd', ['-config', config], url, () => fetch(`${url}/ping`).then((answer) => answer.ok));
}

/**
 * Mosquitto (Debian's package `mosquitto`) on a free port of 127.0.0.1, open to everybody, keeping nothing on disk; or with
 * a configuration that has a listener on `port`.
 */
export async function startMosquitto(given?: { readonly port: number; readonly config: string }): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-mosquitto-'));
  const port = given?.port ?? (await freePort());
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(config, given?.config ?? `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n`);
  return start(folder, 'mosquitto', ['-c', config], `mqtt://127.0.0.1:${port}`, async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } finally {
      socket.destroy();
    }
  });
}

export interface PostgresDaemon extends Daemon {
  /** Makes an empty database; its URL, with a password. */
  createDatabase(): string;
}

/**
 * PostgreSQL (Debian's package `postgresql`) on a free port of 127.0.0.1, with a password, in a folder of its own. It
 * refuses to run as root: then it is the user `postgres`. `kill` leaves none of its processes behind.
 */
export async function startPostgres(): Promise<PostgresDaemon> {
  const initdb = findCommand('initdb');
  if (initdb === null) throw new Error('postgresql is not installed');
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-postgres-'));
  const port = await freePort();
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  if (user.uid !== undefined) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
  const data = join(folder, 'data');
  const setUp = ['-D', data, '-U', 'hostwire', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(initdb, setUp, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder, ...user });
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off', 'max_connections=50'];
  const sql = (text: string): Buffer =>
    execFileSync(findCommand('psql') ?? '', ['-h', '127.0.0.1', '-p', String(port), '-U', 'hostwire', '-d', 'postgres', '-qc', text], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PGPASSWORD: password },
    });
  const url = `postgres://hostwire:${password}@127.0.0.1:${port}`;
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const daemon = await start(folder, 'postgres', args, url, async () => sql('select 1').length > 0, {
    ...user,
    endWith: 'SIGQUIT',
  });
  let made = 0;
  return Object.assign(daemon, {
    createDatabase() {
      const name = `t${++made}`;
      sql(`create database ${name}`);
      return `${url}/${name}`;
    },
  });
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));
}

async function start(
  folder: string,
  name: string,
  args: readonly string[],
  url: string,
  answers: () => Promise<boolean>,
  {
    endWith = 'SIGKILL',
    ...user
  }: {
    readonly uid?: number;
    readonly gid?: number /** What ends it without leaving shared memory behind. */;
    readonly endWith?: NodeJS.Signals;
  } = {},
): Promise<Daemon> {
  const command = findCommand(name);
  if (command === null) throw new Error(`${name} is not installed`);
  let child = spawn(command, args, { stdio: 'ignore', ...user });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  const kill = (): Promise<void> => end('SIGKILL');
  const stop = async (): Promise<void> => {
    // A test may have stopped it.
    child.kill('SIGCONT');
    await end(endWith);
    rmSync(folder, { recursive: true, force: true });
  };
  const answering = () => waitFor(() => answers().catch(() => false), { timeout: 60_000, what: name });
  try {
    await answering();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    get pid() {
      return child.pid ?? 0;
    },
    folder,
    kill,
    async restart() {
      await kill();
      child = spawn(command, args, { stdio: 'ignore', ...user });
      await answering();
    },
    stop,
  };
}
