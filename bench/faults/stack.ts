import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRegistry } from '@hostwire/registry';
import { freePort, startInfluxd, startMosquitto } from '@hostwire/testkit';
import { Program } from './program.ts';
import { readEmbedded, readInflux, type Stored } from './stored.ts';

/** Something that a fault run kills with SIGKILL and starts again. */
export interface Part {
  readonly name: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface Host {
  readonly id: string;
  readonly token: string;
}

/** A server, in as many processes as it has, with hosts that it knows. */
export interface Stack {
  readonly parts: readonly Part[];
  readonly brokerUrl: string;
  readonly hosts: readonly Host[];
  /** Of the broker's process, to stop and continue it. */
  brokerPid(): number;
  readonly broker: Part;
  /** Of the processes that acknowledge. */
  durablePids(): number[];
  /** Waits while the store goes on getting what was acknowledged, up to `expected` samples, ends all processes, and says what it holds. */
  finish(expected: number): Promise<Stored>;
  /** Ends all processes. */
  close(): Promise<void>;
}

export interface StackOptions {
  /** Of the server's data. */
  readonly folder: string;
  readonly hosts: number;
  /** The control: it acknowledges before it is durable. */
  readonly acknowledgeEarly?: boolean;
}

/** Longer than a worker waits at most before it asks a store again that was down (a minute). */
const SETTLE_MS = 75_000;
/** The control's acknowledgements say nothing of what is still to come. */
const CONTROL_SETTLE_MS = 10_000;
export const SERVER = fileURLToPath(new URL('server-process.mjs', import.meta.url));

/** All roles in one process: embedded broker and embedded store. */
export async function startAllInOne({ folder, hosts: count, acknowledgeEarly = false }: StackOptions): Promise<Stack> {
  const hosts = await enrol(folder, count);
  const port = await freePort();
  const server = new Program({
    name: 'server',
    args: [
      SERVER,
      JSON.stringify({ dataDir: folder, mqttPort: port, port: 0, influxPort: 0 }),
      ...(acknowledgeEarly ? ['--acknowledge-early'] : []),
    ],
    ready: 'ready',
  });
  await server.start();
  return {
    parts: [server],
    broker: server,
    brokerPid: () => server.pid,
    durablePids: () => [server.pid],
    brokerUrl: `mqtt://127.0.0.1:${port}`,
    hosts,
    async finish() {
      await server.stop();
      return readEmbedded(join(folder, 'series'));
    },
    close: () => server.kill(),
  };
}

/** Mosquitto, InfluxDB, and workers that share the samples. */
export async function startApart({ folder, hosts: count, acknowledgeEarly = false }: StackOptions, workers = 2): Promise<Stack> {
  const hosts = await enrol(folder, count);
  const [mosquitto, influxd] = [await startMosquitto(), await startInfluxd()];
  const ingests = Array.from(
    { length: workers },
    (_, index) =>
      new Program({
        name: `ingest ${index + 1}`,
        args: [
          SERVER,
          JSON.stringify({ dataDir: folder, roles: 'ingest', brokerUrl: mosquitto.url, store: 'influxdb', influxUrl: influxd.url }),
          ...(acknowledgeEarly ? ['--acknowledge-early'] : []),
        ],
        ready: 'ready',
      }),
  );
  const close = async (): Promise<void> => {
    await Promise.all(ingests.map((ingest) => ingest.kill()));
    await Promise.all([mosquitto.stop(), influxd.stop()]);
  };
  try {
    for (const ingest of ingests) await ingest.start();
  } catch (error) {
    await close();
    throw error;
  }
  const broker = { name: 'mosquitto', kill: mosquitto.kill, restart: mosquitto.restart };
  return {
    parts: [...ingests, broker, { name: 'influxd', kill: influxd.kill, restart: influxd.restart }],
    broker,
    brokerPid: () => mosquitto.pid,
    durablePids: () => ingests.map(({ pid }) => pid),
    brokerUrl: mosquitto.url,
    hosts,
    async finish(expected) {
      const stored = await settled(() => readInflux(influxd.url), expected, acknowledgeEarly ? CONTROL_SETTLE_MS : SETTLE_MS);
      await close();
      return stored;
    },
    close,
  };
}

/** What is acknowledged may still wait in a journal: reads until all of it is there, or none has come for long. */
export async function settled(read: () => Promise<Stored>, expected: number, patienceMs = SETTLE_MS): Promise<Stored> {
  let best = 0;
  let since = Date.now();
  for (;;) {
    const stored = await read();
    let count = 0;
    for (const seqs of stored.values()) count += seqs.size;
    if (count > best) since = Date.now();
    best = Math.max(best, count);
    if (count >= expected || Date.now() - since > patienceMs) return stored;
    await sleep(500);
  }
}

export async function enrol(folder: string, count: number): Promise<Host[]> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const registry = await openRegistry({ file: join(folder, 'registry.db') });
  const hosts: Host[] = [];
  for (let i = 1; i <= count; i++) {
    const id = `sim-${String(i).padStart(3, '0')}`;
    hosts.push({ id, token: (await registry.hosts.add(id)).token });
  }
  await registry.close();
  return hosts;
}
