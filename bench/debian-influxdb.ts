import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@hostwire/testkit';

/** A real InfluxDB (Debian's package `influxdb`) of its own: own folder, own free ports, ended by its pid. */
export interface InfluxDaemon {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts influxd with its data under `folder`. Throws if it does not answer within 20 s. */
export async function startInfluxd(folder: string): Promise<InfluxDaemon> {
  mkdirSync(folder, { recursive: true });
  const [http, rpc] = [await freePort(), await freePort()];
  const config = join(folder, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
  cache-snapshot-write-cold-duration = "5s"
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "error"
`,
  );
  const child: ChildProcess = spawn('influxd', ['-config', config], { stdio: 'ignore' });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const url = `http://127.0.0.1:${http}`;
  for (let attempt = 0; ; attempt++) {
    if (await answers(url)) break;
    if (attempt > 200) throw new Error('influxd did not answer within 20 s; is the package influxdb installed?');
    await sleep(100);
  }
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ping`)).ok;
  } catch {
    return false;
  }
}

/** CPU seconds of a process since its start, and its highest resident size in MB (proc(5): stat fields 14, 15; status VmHWM). */
export function processCost(pid: number): { cpuSeconds: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuSeconds: ((utime ?? 0) + (stime ?? 0)) / 100, peakMb: Math.round(Number(peak ?? 0) / 1024) };
}
