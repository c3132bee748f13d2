import { execFile, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeSample, topics } from '@hostwire/model';
import { type Daemon, findCommand, startInfluxd, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import type { SeriesAnswerBody } from '../src/api/schemas.ts';
import { silent, type TestServer, testServer } from '../src/server.testkit.ts';

const AGENT = fileURLToPath(new URL('../../agent/dist/main.js', import.meta.url));

/** The built agent of this host, sampling every second. */
function startAgent(serverUrl: string, host: string, token: string): void {
  if (!existsSync(AGENT)) throw new Error('apps/agent is not built; run npm run build first');
  const config = join(tempDir(), 'agent.toml');
  writeFileSync(
    config,
    `server_url = "${serverUrl}"\ntoken = "${token}"\nhost_id = "${host}"\n[intervals]\nfast_seconds = 1\nmedium_seconds = 5\nslow_seconds = 60\n`,
  );
  const agent = spawn(process.execPath, [AGENT, '--config', config], { stdio: 'ignore' });
  onTestFinished(() => {
    agent.kill();
  });
}

/** A server whose broker and store are Debian's. */
async function onRealParts(): Promise<{ broker: Daemon; influxd: Daemon; server: TestServer }> {
  const [broker, influxd] = await Promise.all([startMosquitto(), startInfluxd()]);
  onTestFinished(async () => {
    await broker.stop();
    await influxd.stop();
  });
  return { broker, influxd, server: await testServer({ store: 'influxdb', influxUrl: influxd.url, brokerUrl: broker.url }) };
}

/** A mean of cpu by 10 s and host from the `influx` command, as [time, mean] pairs without the buckets that have none. */
async function influxMeans(url: string, login: readonly string[], from: number, to: number): Promise<[number, number][]> {
  const { hostname, port } = new URL(url);
  const query = `SELECT mean(usage_active) FROM cpu WHERE cpu = 'cpu-total' AND time >= ${from}ms AND time < ${to}ms GROUP BY time(10s), host`;
  const args = [
    '-host',
    hostname,
    '-port',
    port,
    ...login,
    '-database',
    'hostwire',
    '-format',
    'json',
    '-precision',
    'ms',
    '-execute',
    query,
  ];
  const { stdout } = await promisify(execFile)(findCommand('influx') ?? '', args);
  const values = (JSON.parse(stdout) as { results: { series: { values: [number, number | null][] }[] }[] }).results[0]?.series[0]?.values;
  return (values ?? []).flatMap(([time, mean]): [number, number][] => (mean === null ? [] : [[time, mean]]));
}

async function apiMeans(server: TestServer, from: number, to: number): Promise<[number, number][]> {
  const path = `/api/series?measurement=cpu&field=usage_active&where=cpu:cpu-total&step=10s&from=${from}&to=${to}`;
  const { times, series } = (await (await server.get(path, await server.bearer('api:read'))).json()) as SeriesAnswerBody;
  return times.flatMap((time, i): [number, number][] => {
    const value = series[0]?.values[i];
    return value === undefined || value === null ? [] : [[time, value]];
  });
}

/** Waits for some seconds of points, then for the answers to a range that is over. */
async function sameNumbers(server: TestServer, influxUrl: string, login: readonly string[]): Promise<void> {
  const from = Math.floor(Date.now() / 10_000) * 10_000;
  const points = async (): Promise<boolean> => (await apiMeans(server, from, Date.now())).length >= 2;
  await waitFor(points, { timeout: 60_000, interval: 500, what: 'two buckets of points' });
  const to = Math.floor(Date.now() / 10_000) * 10_000;
  const [ours, theirs] = [await apiMeans(server, from, to), await influxMeans(influxUrl, login, from, to)];
  expect(ours.length).toBeGreaterThan(0);
  expect(theirs.map(([time]) => time)).toEqual(ours.map(([time]) => time));
  for (const [i, [, mean]] of theirs.entries()) expect(mean).toBeCloseTo(ours[i]?.[1] ?? Number.NaN, 6);
}

systemSuite(['mosquitto', 'influxd', 'influx'], 'this host through Mosquitto into InfluxDB', () => {
  it('is on the API with the numbers that the influx command gives', { timeout: 120_000 }, async () => {
    const { broker, influxd, server } = await onRealParts();
    const { token } = await server.server.registry.hosts.add('this-host');
    startAgent(broker.url, 'this-host', token);
    await waitFor(() => server.server.live.get('this-host')?.state === 'online', { timeout: 30_000, what: 'the host to be online' });
    await sameNumbers(server, influxd.url, []);
  });

  it('answers what was published, enrols who publishes, and says when the broker is gone', async () => {
    const { broker, server } = await onRealParts();
    const host = connectMqtt({ url: broker.url, clientId: 'pve1', logger: silent });
    onTestFinished(() => host.close());
    await waitFor(() => host.connected);
    let acks = 0;
    await host.subscribe(topics().ack('pve1'), () => {
      acks++;
    });
    const time = Date.now();
    const publish = (seq: number) =>
      host.publish(
        topics().sample('pve1', 'fast'),
        encodeSample({
          ...{ v: 1, host: 'pve1', tier: 'fast', run: 'r1', seq, time: time - 10_000 + seq, interval: 5, catalog: '' },
          data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 10 * seq } }] },
        }),
        { qos: 1 },
      );
    await publish(1);
    await waitFor(() => server.server.live.get('pve1') !== undefined, { what: 'the new host' });
    await publish(2);
    await waitFor(() => acks === 2, { what: 'both acknowledgements' });

    const admin = await server.bearer('admin');
    const path = `/api/series?measurement=cpu&field=usage_active&where=cpu:cpu-total&from=${time - 10_000}&to=${time}&step=20s&aggregate=sum`;
    const sum = async (): Promise<number | null | undefined> => {
      const answer = (await (await server.get(path, admin)).json()) as SeriesAnswerBody;
      return answer.series[0]?.values.reduce((total, value) => (total ?? 0) + (value ?? 0), 0);
    };
    // What is acknowledged lies in the journal; the store has it a moment later.
    await waitFor(async () => (await sum()) === 30, { what: 'both samples in the store' });
    expect(await (await server.get('/api/hosts', admin)).json()).toMatchObject({ hosts: [{ host: 'pve1', state: 'online', cpu: 20 }] });
    expect(await (await server.get('/health')).json()).toMatchObject({ degraded: [], roles: ['ingest', 'alerts', 'api'] });

    await broker.stop();
    await waitFor(async () => ((await (await server.get('/health')).json()) as { degraded: string[] }).degraded.includes('broker'));
  });
});

systemSuite(['influx'], 'the embedded store', () => {
  it('gives the influx command the numbers of the API', { timeout: 120_000 }, async () => {
    const server = await testServer();
    const { registry, ports } = server.server;
    const { token } = await registry.hosts.add('this-host');
    const { token: reader } = await registry.tokens.add('reader', ['series:read']);
    startAgent(`mqtt://127.0.0.1:${ports.mqtt}`, 'this-host', token);
    const url = `http://127.0.0.1:${ports.influx}`;
    const login = ['-username', 'reader', '-password', reader];
    await sameNumbers(server, url, login);
    const { hostname, port } = new URL(url);
    const { stdout } = await promisify(execFile)(findCommand('influx') ?? '', [
      ...['-host', hostname, '-port', port, ...login, '-database', 'hostwire', '-execute', 'SHOW MEASUREMENTS'],
    ]);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['agent', 'cpu', 'disk', 'mem', 'net', 'system']));
  });
});
