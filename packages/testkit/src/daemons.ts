import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** Mosquitto (Debian's package `mosquitto`) on a free port of 127.0.0.1, open to everybody, keeping nothing on disk. */
export async function startMosquitto(): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-mosquitto-'));
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n`);
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

async function start(folder: string, name: string, args: readonly string[], url: string, answers: () => Promise<boolean>): Promise<Daemon> {
  const command = findCommand(name);
  if (command === null) throw new Error(`${name} is not installed`);
  let child = spawn(command, args, { stdio: 'ignore' });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const stop = async (): Promise<void> => {
    await kill();
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
      child = spawn(command, args, { stdio: 'ignore' });
      await answering();
    },
    stop,
  };
}
