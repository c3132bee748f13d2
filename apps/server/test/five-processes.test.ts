import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { topics } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { freePort, startInfluxd, startMosquitto, startPostgres, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import type { ServerBody } from '../src/api/process-schemas.ts';
import { silent } from '../src/server.testkit.ts';
import { agent, cpu, HOT_CPU, type TestAgent } from './roles-apart.testkit.ts';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** The lease, the look of who stands by, and what a busy machine needs. */
const TAKEOVER_MS = 20_000;

/** `hostwire` as on a machine of its own: nothing shared but what the environment names. */
function hostwire(environment: Record<string, string>, ...args: string[]): ChildProcess {
  if (!existsSync(PROGRAM)) throw new Error('apps/server is not built; run npm run build first');
  const free = ['--mqtt-port', '0', '--influx-port', '0', '--log-level', 'warn'];
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--data-dir', tempDir(), ...free, ...args], {
    stdio: 'ignore',
    env: { ...process.env, ...environment },
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
  });
  return child;
}

systemSuite(['mosquitto', 'influxd', 'postgres'], 'five processes on Mosquitto, InfluxDB and PostgreSQL', () => {
  it('are one server, and lead the alerts on when their leader is stopped, comes back, or is killed', { timeout: 240_000 }, async () => {
    const [mosquitto, influxd, postgres] = await Promise.all([startMosquitto(), startInfluxd(), startPostgres()]);
    onTestFinished(async () => {
      await Promise.all([mosquitto.stop(), influxd.stop(), postgres.stop()]);
    });
    const database = postgres.createDatabase();
    const rules = join(tempDir(), 'rules.toml');
    writeFileSync(rules, HOT_CPU);
    const shared = {
      HOSTWIRE_DATABASE_URL: database,
      HOSTWIRE_STORE: 'influxdb',
      HOSTWIRE_INFLUX_URL: influxd.url,
      HOSTWIRE_BROKER_URL: mosquitto.url,
      HOSTWIRE_RULES: rules,
    };
    const registry = await openRegistry({ url: database });
    onTestFinished(() => registry.close());
    const port = await freePort();
    const first = hostwire({ ...shared, HOSTWIRE_INSTANCE: 'first' }, '--roles', 'alerts');
    hostwire({ ...shared, HOSTWIRE_INSTANCE: 'worker-1' }, '--roles', 'ingest');
    hostwire({ ...shared, HOSTWIRE_INSTANCE: 'worker-2' }, '--roles', 'ingest');
    hostwire(shared, '--roles', 'api', '--port', String(port));
    const { token } = await registry.tokens.add('test', ['api:read']);
    const ask = async <T>(path: string): Promise<T> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });
      return (await answer.json()) as T;
    };
    await waitFor(() => ask('/health').catch(() => null), { timeout: 60_000, what: 'the API' });

    const reader = connectMqtt({ url: mosquitto.url, clientId: 'reader', logger: silent });
    onTestFinished(() => reader.close());
    const kept = new Map<string, string>();
    await reader.subscribe('hostwire/v1/#', ({ topic, payload }) => {
      if (payload.length === 0) kept.delete(topic);
      else kept.set(topic, Buffer.from(payload).toString());
    });
    const status = () => kept.get(topics().serverStatus);
    const isFiring = (host: string) => kept.has(topics().alert(host, `hot_cpu.${host}`));
    await waitFor(() => status() === 'online', { timeout: 60_000, what: "the server's status" });
    const second = hostwire({ ...shared, HOSTWIRE_INSTANCE: 'second' }, '--roles', 'alerts');

    const hosts = await Promise.all(['a', 'b', 'c'].map((host) => agent(mosquitto.url, host, '')));
    const [a, b, c] = hosts;
    if (a === undefined || b === undefined || c === undefined) throw new Error('no agents');
    for (const host of hosts) await host.send(cpu(50));
    for (const host of hosts) await waitFor(() => host.acknowledged().has(1), { timeout: 30_000, what: 'the acknowledgement' });
    await waitFor(async () => JSON.stringify(await ask('/api/hosts')).split('"cpu":50').length === 4, { what: 'all hosts on the page' });
    await a.send(cpu(95));
    await waitFor(() => isFiring('a'), { what: 'the first alert' });
    await waitFor(async () => (await ask<ServerBody>('/api/server')).processes.length === 5, {
      timeout: 60_000,
      interval: 500,
      what: 'five processes',
    });

    // Stopped, it holds its connections; nobody hears of an end.
    first.kill('SIGSTOP');
    const stoppedAt = Date.now();
    // A value that is old is no reason for an alert: an agent goes on sending.
    const fires = async (host: TestAgent): Promise<boolean> => {
      await host.send(cpu(95));
      return isFiring(host.host);
    };
    await waitFor(() => fires(b), { timeout: TAKEOVER_MS, interval: 500, what: 'another leader' });
    expect(Date.now() - stoppedAt).toBeGreaterThan(5000);
    first.kill('SIGCONT');
    await a.send(cpu(5));
    await waitFor(() => !isFiring('a'), { what: 'the end of the first alert' });
    await new Promise((done) => setTimeout(done, 3000));
    // The old one neither raised what it knew last nor said that the server is gone.
    expect([isFiring('a'), isFiring('b'), status()]).toEqual([false, true, 'online']);

    second.kill('SIGKILL');
    await waitFor(() => status() === 'offline', { what: 'the will of the leader' });
    await waitFor(async () => (await fires(c)) && status() === 'online', {
      ...{ timeout: TAKEOVER_MS, interval: 500, what: 'the first leader again' },
    });
    expect(isFiring('b')).toBe(true);
    // The topic says it first; the API reads it from the registry within a second or two.
    const shown = () => ask<{ alerts: { host: string }[] }>('/api/alerts?state=firing');
    await waitFor(async () => (await shown()).alerts.some(({ host }) => host === 'c'), { what: 'the alert on the page' });
  });
});
