import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRegistry } from '@hostwire/registry';
import { freePort, startInfluxd, startMosquitto, startPostgres, waitFor } from '@hostwire/testkit';
import { Program } from './program.ts';
import { RealAgent } from './real-agent.ts';
import type { Host } from './stack.ts';

/** A server that a person would use: its dashboard's address, a token for everything, and a host that it knows. */
export interface Site {
  readonly url: string;
  readonly token: string;
  readonly brokerUrl: string;
  readonly host: Host;
  close(): Promise<void>;
}

const HOSTWIRE = fileURLToPath(new URL('../../apps/server/dist/main.js', import.meta.url));
const READY = 'is running';
/** Of the recording that ships with the agent. */
const HOST = 'mock';

/** Everything in one process, on the embedded defaults. */
export async function startOneProcess(folder: string): Promise<Site> {
  const [port, mqttPort] = [await freePort(), await freePort()];
  const server = new Program({
    name: 'server',
    args: [HOSTWIRE, 'serve', '--data-dir', folder, '--port', String(port), '--mqtt-port', String(mqttPort), '--influx-port', '0'],
    ready: READY,
  });
  await server.start();
  const registry = await openRegistry({ file: join(folder, 'registry.db') });
  const host = { id: HOST, token: (await registry.hosts.add(HOST)).token };
  const { token } = await registry.tokens.add('reader', ['admin']);
  await registry.close();
  return { url: `http://127.0.0.1:${port}`, token, brokerUrl: `mqtt://127.0.0.1:${mqttPort}`, host, close: () => server.stop() };
}

/**
 * Mosquitto with exported passwords and rules, two ingest workers, alerts, API, InfluxDB and PostgreSQL: each process with a
 * data directory of its own, as on a machine of its own.
 */
export async function startFiveProcesses(folder: string): Promise<Site> {
  const [influxd, postgres, mqttPort, port] = [await startInfluxd(), await startPostgres(), await freePort(), await freePort()];
  const database = postgres.createDatabase();
  const brokerUrl = `mqtt://127.0.0.1:${mqttPort}`;
  const env = {
    ...process.env,
    HOSTWIRE_DATABASE_URL: database,
    HOSTWIRE_STORE: 'influxdb',
    HOSTWIRE_INFLUX_URL: influxd.url,
    HOSTWIRE_BROKER_URL: brokerUrl,
    HOSTWIRE_BROKER_USERNAME: 'hostwire-server',
    HOSTWIRE_BROKER_PASSWORD: 'of-the-fault-run',
  };
  const registry = await openRegistry({ url: database });
  const host = { id: HOST, token: (await registry.hosts.add(HOST)).token };
  const { token } = await registry.tokens.add('reader', ['admin']);
  await registry.close();
  const out = join(folder, 'mosquitto');
  mkdirSync(out, { recursive: true, mode: 0o700 });
  execFileSync(process.execPath, [HOSTWIRE, 'broker', 'export', '--format', 'mosquitto', '--out', out, '--data-dir', join(folder, 'cli')], {
    env,
  });
  chmodSync(folder, 0o755);
  const mosquitto = await startMosquitto({ port: mqttPort, config: `user root\npersistence_location ${out}/\ninclude_dir ${out}\n` });
  const programs = ['ingest', 'ingest', 'alerts', 'api'].map(
    (role, index) =>
      new Program({
        name: `${role} ${index}`,
        args: [HOSTWIRE, 'serve', '--roles', role, '--data-dir', join(folder, String(index)), '--port', String(role === 'api' ? port : 0)],
        ready: READY,
        env: { ...env, HOSTWIRE_INSTANCE: `${role}-${index}` },
      }),
  );
  for (const program of programs) await program.start();
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    brokerUrl,
    host,
    async close() {
      await Promise.all(programs.map((program) => program.stop()));
      await Promise.all([mosquitto.stop(), influxd.stop(), postgres.stop()]);
    },
  };
}

export interface Shown {
  /** `GET /api/hosts/:host`: the names of what it has. */
  readonly measurements: readonly string[];
  /** Series -> its first values, as the API's raw query gives them. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

const TICKS = 8;
const FIELDS = [
  ['cpu', 'usage_active', 'cpu'],
  ['cpu', 'usage_iowait', 'cpu'],
  ['mem', 'used_percent', ''],
  ['mem', 'available', ''],
  ['system', 'load1', ''],
  ['net', 'bytes_recv', 'interface'],
  ['diskio', 'read_bytes', 'name'],
  ['processes', 'total', ''],
] as const;

/** Runs the agent on the recording that ships with it, until the site shows so many of its samples, and tells what it shows. */
export async function showRecording(site: Site, folder: string): Promise<Shown> {
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${site.url}${path}`, { headers: { authorization: `Bearer ${site.token}` } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const agent = new RealAgent({ folder, brokerUrl: site.brokerUrl, host: site.host, args: ['--mock'] });
  try {
    interface Answer {
      readonly series: readonly { readonly tags: Record<string, string>; readonly values: readonly (number | null)[] }[];
    }
    const from = Date.now();
    const valuesOf = async (measurement: string, field: string, tag: string): Promise<[string, (number | null)[]][]> => {
      const query = new URLSearchParams({ measurement, field, host: site.host.id, from: String(from), step: '100', aggregate: 'last' });
      if (tag !== '') query.set('group_by', tag);
      const { series } = await ask<Answer>(`/api/series?${query}`);
      return series.map(({ tags, values }) => [
        [measurement, field, ...Object.values(tags)].join(' '),
        values.filter((value) => value !== null).slice(0, TICKS),
      ]);
    };
    const all = async (): Promise<[string, (number | null)[]][]> =>
      (await Promise.all(FIELDS.map(([measurement, field, tag]) => valuesOf(measurement, field, tag)))).flat();
    const series = await waitFor(
      async () => {
        const found = await all();
        return found.length >= FIELDS.length && found.every(([, values]) => values.length === TICKS) ? found : null;
      },
      { timeout: 120_000, interval: 1000, what: `${TICKS} samples of ${site.url}` },
    );
    const shown = await ask<Record<string, Record<string, unknown>>>(`/api/hosts/${site.host.id}`);
    return { measurements: Object.keys(shown['latest'] ?? {}).sort(), series: Object.fromEntries(series) };
  } finally {
    await agent.kill('SIGTERM');
  }
}
