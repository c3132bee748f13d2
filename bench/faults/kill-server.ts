import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRegistry } from '@hostwire/registry';
import { openEmbeddedStore } from '@hostwire/store';
import { freePort } from '@hostwire/testkit';
import { readLedger } from '../load/ledger.ts';
import { type LoadReport, runLoad } from '../load/run-load.ts';

export interface KillRunOptions {
  /** An empty folder for the server's data and the ledger. */
  readonly folder: string;
  readonly kills: number;
  /** Samples per second of all hosts together. */
  readonly rate: number;
  readonly hosts: number;
  /** Chooses when to kill; printed, so that a run can be repeated. */
  readonly seed: number;
  /** The control: a server that acknowledges before its commit. */
  readonly acknowledgeEarly?: boolean;
}

export interface KillRunReport {
  readonly kills: number;
  readonly samples: number;
  readonly resent: number;
  readonly acknowledged: number;
  /** Samples that an agent still held when the run ended: not acknowledged, so not lost. */
  readonly left: number;
  /** Acknowledged and not in the store. */
  readonly lost: number;
  /** In the store more than once. */
  readonly twice: number;
  readonly seconds: number;
}

const PROGRAM = fileURLToPath(new URL('server-process.mjs', import.meta.url));
const READY_MS = 30_000;

/**
 * Kills the server with SIGKILL at random moments while hosts publish and resend until acknowledged, then compares what was
 * acknowledged, by the ledger, with measurement `agent` in the store. Only processes that it started are killed.
 */
export async function killServer(options: KillRunOptions): Promise<KillRunReport> {
  const dataDir = join(options.folder, 'server');
  const ledger = join(options.folder, 'ledger');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const hosts = await enrol(dataDir, options.hosts);
  const port = await freePort();
  const random = generator(options.seed);
  const start = (): Promise<ChildProcess> => startServer(dataDir, port, options.acknowledgeEarly === true);

  let server = await start();
  const stop = new AbortController();
  const load = runLoad({
    port,
    hosts,
    mode: 'ack',
    rate: options.rate,
    signal: stop.signal,
    ledger,
    reconnectSeconds: 0.3,
    resendSeconds: 2,
  });
  let report: LoadReport;
  try {
    for (let kill = 0; kill < options.kills; kill++) {
      await sleep(300 + random() * 1200);
      await end(server, 'SIGKILL');
      server = await start();
    }
    await sleep(1000);
    stop.abort();
    report = await load;
  } finally {
    stop.abort();
    await end(server, 'SIGKILL');
  }
  const { lost, twice, acknowledged } = await compare(dataDir, await readLedger(ledger));
  return {
    kills: options.kills + 1,
    samples: report.samples,
    resent: report.resent,
    acknowledged,
    left: report.left,
    lost,
    twice,
    seconds: Math.round(report.seconds),
  };
}

async function enrol(dataDir: string, count: number): Promise<{ id: string; token: string }[]> {
  const registry = await openRegistry({ file: join(dataDir, 'registry.db') });
  const hosts: { id: string; token: string }[] = [];
  for (let i = 1; i <= count; i++) {
    const id = `sim-${String(i).padStart(3, '0')}`;
    hosts.push({ id, token: (await registry.hosts.add(id)).token });
  }
  await registry.close();
  return hosts;
}

async function startServer(dataDir: string, port: number, early: boolean): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, dataDir, String(port), ...(early ? ['--acknowledge-early'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`the server was not ready within ${READY_MS} ms`)), READY_MS);
    child.once('exit', (code) => fail(new Error(`the server ended with ${code} before it was ready`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!chunk.includes('ready')) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      done();
    });
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill(signal);
  await ended;
}

async function compare(dataDir: string, ledger: Map<string, Set<number>>): Promise<{ lost: number; twice: number; acknowledged: number }> {
  const store = await openEmbeddedStore({ directory: join(dataDir, 'series') });
  try {
    const { results } = await store.query('SELECT run, seq FROM agent GROUP BY host', { database: 'hostwire', epoch: 'ms' });
    if (results[0]?.error !== undefined) throw new Error(results[0].error);
    const stored = new Map<string, Map<number, number>>();
    for (const { tags, values } of results[0]?.series ?? []) {
      for (const [, run, seq] of values) {
        const key = `${tags?.['host']} ${String(run)}`;
        const seqs = stored.get(key) ?? new Map<number, number>();
        seqs.set(Number(seq), (seqs.get(Number(seq)) ?? 0) + 1);
        stored.set(key, seqs);
      }
    }
    let [lost, twice, acknowledged] = [0, 0, 0];
    for (const [key, seqs] of ledger) {
      acknowledged += seqs.size;
      for (const seq of seqs) if (!stored.get(key)?.has(seq)) lost++;
    }
    for (const seqs of stored.values()) for (const times of seqs.values()) if (times > 1) twice++;
    return { lost, twice, acknowledged };
  } finally {
    await store.close();
  }
}

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
