// What an agent costs the host that it runs on, beside prometheus-node-exporter (Debian's package, scraped as often), in one
// run: resident size and processor time of each, with HOSTWIRE_PROCESSES more processes on the machine. The agent is the
// bundled program, the core collectors (HOSTWIRE_COLLECTORS=all: all of them), every tier each 10 s, delivering to a server on
// this machine. Run: npm run bench:footprint (HOSTWIRE_SECONDS=600 by default; HOSTWIRE_PROCESSES=200)
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COLLECTORS } from '@hostwire/collectors';
import { findCommand, freePort, waitFor } from '@hostwire/testkit';
import { startAllInOne } from './faults/stack.ts';
import { processCost } from './process-cost.ts';

const AGENT = fileURLToPath(new URL('../apps/agent/dist/main.js', import.meta.url));
const INTERVAL_S = 10;
/** `core`: what every Linux host has; `all`: also what asks tools and services, where this machine has them. */
const which = process.env['HOSTWIRE_COLLECTORS'] ?? 'core';
const CORE = ['cpu', 'mem', 'swap', 'system', 'kernel', 'pressure', 'processes', 'disk', 'diskio', 'net', 'netstat', 'temp'];
const seconds = Number(process.env['HOSTWIRE_SECONDS'] ?? 600);
const processes = Number(process.env['HOSTWIRE_PROCESSES'] ?? 200);
/** Start-up is not what a host pays all day. */
const WARM_UP_S = 30;

const folder = mkdtempSync(join(tmpdir(), 'hostwire-footprint-'));
const children: ChildProcess[] = [];
const start = (command: string, args: readonly string[]): ChildProcess => {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: folder } });
  child.stderr?.resume();
  children.push(child);
  return child;
};

const stack = await startAllInOne({ folder: join(folder, 'server'), hosts: 1 });
try {
  for (let started = 0; started < processes; started++) start('sleep', [String(seconds + 600)]);
  const [host] = stack.hosts;
  const config = join(folder, 'agent.toml');
  writeFileSync(
    config,
    `server_url = "${stack.brokerUrl}"
host_id = "${host?.id}"
token = "${host?.token}"
[intervals]
fast_seconds = ${INTERVAL_S}
medium_seconds = ${INTERVAL_S}
slow_seconds = ${INTERVAL_S}
[spool]
dir = "${join(folder, 'spool')}"
${
  which === 'all'
    ? ''
    : COLLECTORS.filter(({ name }) => !CORE.includes(name))
        .map(({ name }) => `[collectors.${name}]\nenabled = false\n`)
        .join('')
}`,
    { mode: 0o600 },
  );
  const watched = new Map([['hostwire-agent', start(process.execPath, [AGENT, '--config', config])]]);
  const exporter = findCommand('prometheus-node-exporter');
  const port = await freePort();
  if (exporter === null) process.stdout.write('prometheus-node-exporter is not installed: the agent is measured alone\n');
  else watched.set('node_exporter', start(exporter, [`--web.listen-address=127.0.0.1:${port}`]));

  if (exporter !== null) await waitFor(() => fetch(`http://127.0.0.1:${port}/`).catch(() => null));
  const scrape = () => (exporter === null ? null : fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text()));
  const meters = [...watched].map(([name, { pid = 0 }]) => ({ name, pid, resident: [] as number[], cpu: 0, began: 0, from: 0 }));
  const turns = Math.round((WARM_UP_S + seconds) / INTERVAL_S);
  for (let turn = 0; turn <= turns; turn++) {
    await scrape();
    for (const meter of meters) {
      const { cpuSeconds } = processCost(meter.pid);
      if (turn === Math.round(WARM_UP_S / INTERVAL_S)) Object.assign(meter, { from: cpuSeconds, began: performance.now() });
      if (meter.began === 0) continue;
      meter.resident.push(residentMb(meter.pid));
      meter.cpu = (100 * (cpuSeconds - meter.from)) / ((performance.now() - meter.began) / 1000);
    }
    if (turn < turns) await sleep(INTERVAL_S * 1000);
  }
  process.stdout.write(
    `${which} collectors, ${processes} processes more, every ${INTERVAL_S} s for ${seconds} s, Node.js ${process.version}\n`,
  );
  for (const { name, pid, resident, cpu } of meters) {
    const sorted = [...resident].sort((a, b) => a - b);
    const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
    const most = processCost(pid).peakMb;
    process.stdout.write(
      `${name}: resident MB median ${at(0.5)}, ${at(0)} to ${at(1)}, peak since its start ${most}; processor ${cpu.toFixed(2)} % of a core\n`,
    );
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
}

/** VmRSS of proc(5), in MB of 2^20 bytes. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
