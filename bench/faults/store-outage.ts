import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRegistry } from '@hostwire/registry';
import { freePort, startInfluxd, startMosquitto } from '@hostwire/testkit';
import { bundleFarm, drain, ledgerOf, makeFarms, sizeOf } from './farm.ts';
import { type StoreMode, startFaultyStore } from './faulty-store.ts';
import { Program } from './program.ts';
import { enrol, SERVER, settled } from './stack.ts';
import { type Comparison, compare, readInflux } from './stored.ts';

export interface StoreOutageOptions {
  /** An empty folder for all data. */
  readonly folder: string;
  /** `stopped`: InfluxDB is killed, and started again at the end. The others: what is in front of it answers so. */
  readonly mode: Exclude<StoreMode, 'well'> | 'stopped';
  readonly seconds: number;
  readonly hosts: number;
  /** Samples per second of all hosts together. */
  readonly rate: number;
}

export interface StoreOutageReport extends Comparison {
  /** Requests that were refused meanwhile. */
  readonly refused: number;
  /** Resident memory of ingest: before, and its largest growth meanwhile. MiB. */
  readonly ingestMib: number;
  readonly growthMib: number;
  /** The oldest sample that the live page showed of any host meanwhile, by the server's clock, in seconds. */
  readonly oldestLiveSeconds: number;
  /** From a processor that became busy meanwhile until its alert, which waits 3 s, was shown for all hosts; null: never. */
  readonly alertSeconds: number | null;
  /** Dead letters in the end. */
  readonly deadLetters: number;
  /** What `/health` said meanwhile. */
  readonly degraded: readonly string[];
  readonly left: number;
}

const CALM_MS = 5000;
const RULES = `
[[rule]]
name = "busy"
severity = "warning"
condition = "above"
measurement = "cpu"
field = "usage_active"
where = { cpu = "cpu-total" }
threshold = 95
for = "3s"
summary = "CPU {value} %"
`;

/**
 * Mosquitto, one ingest, one process with alerts and API, InfluxDB behind something that fails: agents go on collecting, and
 * the page and the alerts are watched while the store does not take anything.
 */
export async function runStoreOutage({ folder, mode, seconds, hosts: count, rate }: StoreOutageOptions): Promise<StoreOutageReport> {
  const dataDir = join(folder, 'server');
  const bundle = await bundleFarm(folder);
  const hosts = await enrol(dataDir, count);
  const token = await readerToken(dataDir);
  const rules = join(folder, 'rules.toml');
  writeFileSync(rules, RULES);
  const [mosquitto, influxd] = [await startMosquitto(), await startInfluxd()];
  const store = await startFaultyStore(influxd.url);
  const [ingestPort, port] = [await freePort(), await freePort()];
  const common = { dataDir, brokerUrl: mosquitto.url, store: 'influxdb', influxUrl: store.url };
  const ingest = new Program({
    name: 'ingest',
    args: [SERVER, JSON.stringify({ ...common, roles: 'ingest,api', port: ingestPort })],
    ready: 'ready',
  });
  const watcher = new Program({
    name: 'alerts and api',
    args: [SERVER, JSON.stringify({ ...common, roles: 'alerts,api', port, rules })],
    ready: 'ready',
  });
  const farms = makeFarms({ hosts, brokerUrl: mosquitto.url }, bundle, {
    folder,
    processes: 1,
    rate,
    ...(mode === 'partial' ? { poisonEvery: 100 } : {}),
  });
  const ask = async <T>(at: number, path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${at}${path}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  try {
    await ingest.start();
    await watcher.start();
    await Promise.all(farms.map((farm) => farm.program.start()));
    await sleep(CALM_MS);
    const before = residentMib(ingest.pid);
    if (mode === 'stopped') await influxd.kill();
    else store.mode = mode;
    let [growthMib, oldestLiveSeconds] = [0, 0];
    let busyAt: number | null = null;
    let alertSeconds: number | null = null;
    const degraded = new Set<string>();
    const start = performance.now();
    const elapsed = (): number => (performance.now() - start) / 1000;
    while (elapsed() < seconds) {
      await sleep(500);
      growthMib = Math.max(growthMib, residentMib(ingest.pid) - before);
      const now = Date.now();
      const shown = await ask<{ hosts: { last_seen: number | null }[] }>(port, '/api/hosts');
      for (const { last_seen: at } of shown.hosts) oldestLiveSeconds = Math.max(oldestLiveSeconds, (now - (at ?? 0)) / 1000);
      for (const name of (await ask<{ degraded: string[] }>(ingestPort, '/health')).degraded) degraded.add(name);
      if (busyAt === null && elapsed() > seconds / 3) {
        busyAt = performance.now();
        for (const farm of farms) farm.makeBusy();
      }
      if (busyAt !== null && alertSeconds === null) {
        const { alerts } = await ask<{ alerts: { rule: string }[] }>(port, '/api/alerts?state=firing');
        if (alerts.filter(({ rule }) => rule === 'busy').length === count) alertSeconds = (performance.now() - busyAt) / 1000;
      }
    }
    if (mode === 'stopped') await influxd.restart();
    else if (mode !== 'partial') store.mode = 'well';
    await drain(farms, 120_000);
    const left = farms.reduce((sum, farm) => sum + farm.pending, 0);
    await Promise.all(farms.map((farm) => farm.kill()));
    const ledger = ledgerOf(farms);
    const stored = await settled(() => readInflux(influxd.url), sizeOf(ledger));
    const metrics = await fetch(`http://127.0.0.1:${ingestPort}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    const deadLetters = Number(/^hostwire_ingest_dead_letters_total (\d+)/m.exec(await metrics.text())?.[1] ?? 0);
    const round = (value: number): number => Math.round(value * 10) / 10;
    return {
      ...compare(ledger, stored),
      refused: store.refused,
      ingestMib: round(before),
      growthMib: round(growthMib),
      oldestLiveSeconds: round(oldestLiveSeconds),
      alertSeconds: alertSeconds === null ? null : round(alertSeconds),
      deadLetters,
      degraded: [...degraded],
      left,
    };
  } finally {
    await Promise.all([...farms.map((farm) => farm.kill()), ingest.kill(), watcher.kill()]);
    await store.close();
    await Promise.all([mosquitto.stop(), influxd.stop()]);
  }
}

async function readerToken(dataDir: string): Promise<string> {
  const registry = await openRegistry({ file: join(dataDir, 'registry.db') });
  const { token } = await registry.tokens.add('watcher', ['api:read']);
  await registry.close();
  return token;
}

/** VmRSS of proc(5). */
function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
