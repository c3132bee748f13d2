import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand, freePort, waitFor } from '@hostwire/testkit';

export interface Influxd {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the system's influxd (1.x) on free ports with a directory of its own. `auth`: asks for a user and password. */
export async function startInfluxd({ auth = false }: { auth?: boolean } = {}): Promise<Influxd> {
  const command = findCommand('influxd');
  if (command === null) throw new Error('influxd is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-influxd-'));
  const [http, rpc] = [await freePort(), await freePort()];
  writeFileSync(join(folder, 'influxdb.conf'), configuration(folder, http, rpc, auth));
  const child = spawn(command, ['-config', join(folder, 'influxdb.conf')], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${http}`;
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      () =>
        fetch(`${url}/ping`).then(
          (answer) => answer.status === 204,
          () => false,
        ),
      { timeout: 60_000, what: 'influxd' },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

function configuration(folder: string, http: number, rpc: number, auth: boolean): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
  logging-enabled = false
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
  auth-enabled = ${auth}
`;
}
