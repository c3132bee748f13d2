// End to end: simulated hosts publish with QoS 1, the server commits with fsync and acknowledges. The server is a process of
// its own, from its build; the load runs beside it on the same machine. The embedded store, then Debian's InfluxDB behind
// the same server. Run: npm run bench:pipeline -- [seconds per round]     (default 15)
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRegistry } from '@hostwire/registry';
import { freePort, startInfluxd } from '@hostwire/testkit';
import { runLoad } from './load/run-load.ts';
import { processCost } from './process-cost.ts';
import { VALUES_PER_SAMPLE } from './simulated-host.ts';

const seconds = Number(process.argv[2] ?? 15);
const ROUNDS = 3;
const PROGRAM = fileURLToPath(new URL('../apps/server/dist/main.js', import.meta.url));
const SHAPES = [
  { hosts: 100, inFlight: 20 },
  { hosts: 500, inFlight: 1 },
];

const folder = mkdtempSync(join(tmpdir(), 'hostwire-bench-'));
process.stdout.write(
  `${VALUES_PER_SAMPLE} values a sample, QoS 1, PUBACK after the commit, ${ROUNDS} rounds of ${seconds} s; Node ${process.version}\n\n`,
);
process.stdout.write(
  '| | samples/s, median (lowest to highest) | server CPU us a sample | store CPU us a sample | p99 ms |\n|---|---|---|---|---|\n',
);
try {
  for (const shape of SHAPES) await side(`embedded, ${shape.hosts} hosts, ${shape.inFlight} in flight`, shape, null);
  const influxd = await startInfluxd();
  try {
    await side(
      `InfluxDB 1.6.7, ${SHAPES[0]?.hosts} hosts, ${SHAPES[0]?.inFlight} in flight`,
      SHAPES[0] as (typeof SHAPES)[number],
      influxd,
    );
  } finally {
    await influxd.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function side(
  name: string,
  { hosts, inFlight }: (typeof SHAPES)[number],
  influxd: { url: string; pid: number } | null,
): Promise<void> {
  const dataDir = mkdtempSync(join(folder, 'data-'));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const registry = await openRegistry({ file: join(dataDir, 'registry.db') });
  const logins: { id: string; token: string }[] = [];
  for (let i = 1; i <= hosts; i++) {
    const id = `sim-${String(i).padStart(4, '0')}`;
    logins.push({ id, token: (await registry.hosts.add(id)).token });
  }
  await registry.close();
  const port = await freePort();
  const server = spawn(
    process.execPath,
    [
      // As `npm start` does: samples that wait for their commit stay in the young generation.
      '--max-semi-space-size=64',
      PROGRAM,
      'serve',
      ...['--data-dir', dataDir, '--mqtt-port', String(port), '--port', '0', '--influx-port', '0', '--log-level', 'error'],
      ...(influxd === null ? [] : ['--store', 'influxdb', '--influx-url', influxd.url]),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  try {
    await listening(port);
    const rounds: { rate: number; cpu: number; store: number; p99: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = processCost(server.pid ?? 0).cpuSeconds;
      const stored = influxd === null ? 0 : processCost(influxd.pid).cpuSeconds;
      const report = await runLoad({ port, hosts: logins, mode: 'puback', inFlight, seconds });
      const done = report.pubacked;
      rounds.push({
        rate: report.samplesPerSecond,
        cpu: ((processCost(server.pid ?? 0).cpuSeconds - before) / done) * 1e6,
        store: influxd === null ? 0 : ((processCost(influxd.pid).cpuSeconds - stored) / done) * 1e6,
        p99: report.latencyMs.p99,
      });
    }
    const sorted = rounds.toSorted((a, b) => a.rate - b.rate);
    const [low, middle, high] = [sorted[0], sorted[Math.floor(ROUNDS / 2)], sorted.at(-1)];
    const whole = (value: number | undefined): string => (value ?? 0).toFixed(0);
    process.stdout.write(
      `| ${name} | ${whole(middle?.rate)} (${whole(low?.rate)} to ${whole(high?.rate)}) | ${whole(middle?.cpu)} | ${influxd === null ? '(included)' : whole(middle?.store)} | ${whole(middle?.p99)} |\n`,
    );
  } finally {
    const ended = new Promise((done) => server.once('exit', done));
    server.kill('SIGTERM');
    await ended;
  }
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => done(false));
    });
    if (open) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the server did not listen within 30 s');
}
