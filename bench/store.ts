// The embedded store beside Debian's InfluxDB: ingest, size, and the dashboard's queries, on the same input in one run.
// Run: npm run bench:store -- [hosts] [hours]     (default 50 hosts, 24 hours of a sample every 10 s)
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { catalog } from '@hostwire/collectors';
import { type FieldTypes, toPoints } from '@hostwire/ingest';
import type { FieldDeclaration, PointGroup, Sample } from '@hostwire/model';
import { openEmbeddedStore, openInfluxStore, type SeriesStore } from '@hostwire/store';
import { startInfluxd } from '@hostwire/testkit';
import { processCost } from './process-cost.ts';
import { simulatedHost, VALUES_PER_SAMPLE } from './simulated-host.ts';

const hosts = Number(process.argv[2] ?? 50);
const hours = Number(process.argv[3] ?? 24);
const INTERVAL_MS = 10_000;
const BATCH = 5_000;
const DATABASE = 'hostwire';
// A whole day in the past, so that every hour of it is closed.
const start = Math.floor(Date.now() / 86_400_000 - 2) * 86_400_000;
const end = start + hours * 3_600_000;

interface Measured {
  readonly name: string;
  readonly samplesPerSecond: number;
  readonly cpuPerSample: string;
  readonly commit: string;
  readonly bytesPerValue: number;
  readonly peakMb: number;
  readonly queries: readonly string[];
}

const QUERIES: readonly [string, string][] = [
  [
    'Q1 one host, cpu, 1 h in 1 min',
    `SELECT mean(usage_active) FROM cpu WHERE host='sim-0001' AND cpu='cpu-total' AND ${range(end - 3_600_000)} GROUP BY time(1m)`,
  ],
  [
    'Q2 one host, 24 h in 5 min, mean and max',
    `SELECT mean(usage_active), max(usage_active) FROM cpu WHERE host='sim-0001' AND cpu='cpu-total' AND ${range(start)} GROUP BY time(5m)`,
  ],
  ['Q3 all hosts, last value', "SELECT last(usage_active) FROM cpu WHERE cpu='cpu-total' GROUP BY host"],
  ['Q4 all hosts, 24 h, hourly mean of memory', `SELECT mean(used_percent) FROM mem WHERE ${range(start)} GROUP BY time(1h), host`],
  [
    'Q5 one host, all disks, 24 h in 10 min',
    `SELECT mean(used_percent) FROM disk WHERE host='sim-0001' AND ${range(start)} GROUP BY time(10m), path`,
  ],
];

const folder = mkdtempSync(join(tmpdir(), 'hostwire-bench-'));
try {
  const embedded = await measureEmbedded(join(folder, 'embedded'));
  const influx = await measureInflux();
  report([embedded, influx]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function range(from: number): string {
  return `time >= ${from}ms AND time < ${end}ms`;
}

async function measureEmbedded(directory: string): Promise<Measured> {
  const store = await openEmbeddedStore({ directory });
  const measured = await measure('embedded', store, {
    cpuSeconds: () => 0,
    peakMb: () => processCost(process.pid).peakMb,
    settle: () => store.compactNow(),
    // Closed hours; the file of newest rows keeps the size that this bulk load gave it, and reuses it.
    bytes: () => size(join(directory, 'raw')),
  });
  await store.close();
  return measured;
}

async function measureInflux(): Promise<Measured> {
  const daemon = await startInfluxd();
  const store = openInfluxStore({ url: daemon.url, database: DATABASE });
  try {
    return await measure('InfluxDB 1.6.7', store, {
      cpuSeconds: () => processCost(daemon.pid).cpuSeconds,
      peakMb: () => processCost(daemon.pid).peakMb,
      // Its cache is written out after 5 s without writes (cache-snapshot-write-cold-duration, set by the harness).
      settle: () => sleep(20_000),
      bytes: () => size(join(daemon.folder, 'data')),
    });
  } finally {
    await store.close();
    await daemon.stop();
  }
}

interface Side {
  /** CPU of another process that serves the store. */
  readonly cpuSeconds: () => number;
  readonly peakMb: () => number;
  readonly settle: () => Promise<unknown>;
  readonly bytes: () => number;
}

async function measure(name: string, store: SeriesStore, side: Side): Promise<Measured> {
  const types = new Map(Object.entries(catalog().measurements).map(([measurement, { fields }]) => [measurement, typesOf(fields)]));
  const sources = Array.from({ length: hosts }, (_, i) => simulatedHost(`sim-${String(i + 1).padStart(4, '0')}`, { seed: i + 1 }));
  const toGroup = (sample: Sample): PointGroup => toPoints(sample, types, DATABASE);
  const load = async (take: (batch: PointGroup[]) => Promise<void>): Promise<void> => {
    let batch: PointGroup[] = [];
    for (let time = start; time < end; time += INTERVAL_MS) {
      for (const [i, source] of sources.entries()) {
        batch.push(toGroup(source.next(time + ((i * 37) % 1000))));
        if (batch.length < BATCH) continue;
        await take(batch);
        batch = [];
      }
    }
    if (batch.length > 0) await take(batch);
  };

  // What it costs to make the samples is not the store's: measured alone and taken off.
  const making = process.cpuUsage();
  await load(async () => undefined);
  const made = process.cpuUsage(making);
  let written = 0;
  let wall = 0;
  const [used, served] = [process.cpuUsage(), side.cpuSeconds()];
  await load(async (batch) => {
    const began = performance.now();
    const { rejected } = await store.write(batch);
    if (rejected.length > 0) throw new Error(`${name} rejected ${rejected.length} fields: ${rejected[0]?.message}`);
    wall += performance.now() - began;
    written += batch.length;
  });
  await side.settle();
  const { user, system } = process.cpuUsage(used);
  const cpu = user + system - made.user - made.system + (side.cpuSeconds() - served) * 1e6;
  const bytes = side.bytes();

  const commits: number[] = [];
  for (let i = 0; i < 100; i++) {
    const small = Array.from({ length: 50 }, (_, j) =>
      toGroup((sources[j % hosts] as (typeof sources)[number]).next(end + i * INTERVAL_MS + j)),
    );
    const began = performance.now();
    await store.write(small);
    commits.push(performance.now() - began);
  }
  const queries: string[] = [];
  for (const [, text] of QUERIES) {
    const times: number[] = [];
    for (let i = 0; i < 30; i++) {
      const began = performance.now();
      const { results } = await store.query(text, { database: DATABASE, epoch: 'ms' });
      times.push(performance.now() - began);
      if (results[0]?.error !== undefined || (results[0]?.series?.length ?? 0) === 0)
        throw new Error(`${name}: ${text}: ${JSON.stringify(results[0])}`);
    }
    queries.push(spread(times));
  }
  return {
    name,
    samplesPerSecond: Math.round((written / wall) * 1000),
    cpuPerSample: (cpu / written).toFixed(1),
    commit: spread(commits),
    bytesPerValue: Math.round((bytes / (written * VALUES_PER_SAMPLE)) * 100) / 100,
    peakMb: side.peakMb(),
    queries,
  };
}

function typesOf(fields: Readonly<Record<string, FieldDeclaration>>): FieldTypes {
  return Object.fromEntries(Object.entries(fields).map(([field, { type }]) => [field, type]));
}

/** `median (5th to 95th percentile)`, ms. */
function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toPrecision(3);
  return `${at(0.5)} (${at(0.05)} to ${at(0.95)})`;
}

function size(path: string): number {
  mkdirSync(path, { recursive: true });
  let bytes = 0;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}

function report(sides: readonly Measured[]): void {
  const rows: [string, (side: Measured) => string | number][] = [
    [`samples/s in batches of ${BATCH}`, (side) => side.samplesPerSecond],
    ['CPU us a sample, client and server, compaction included', (side) => side.cpuPerSample],
    ['commit of 50 samples, ms, median (p5 to p95)', (side) => side.commit],
    ['bytes a value, compacted', (side) => side.bytesPerValue],
    ['peak memory, MB', (side) => side.peakMb],
    ...QUERIES.map(([name], i): [string, (side: Measured) => string] => [`${name}, ms`, (side) => side.queries[i] ?? '']),
  ];
  process.stdout.write(`${hosts} hosts, ${hours} h, a sample every 10 s, ${VALUES_PER_SAMPLE} values each; Node ${process.version}\n\n`);
  process.stdout.write(`| | ${sides.map(({ name }) => name).join(' | ')} |\n|---|${sides.map(() => '---').join('|')}|\n`);
  for (const [name, of] of rows) process.stdout.write(`| ${name} | ${sides.map(of).join(' | ')} |\n`);
}
