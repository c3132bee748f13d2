import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { topics } from '@hostwire/model';
import { startInfluxd, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ServerBody } from '../src/api/process-schemas.ts';
import type { SeriesAnswerBody } from '../src/api/schemas.ts';
import { silent, TestServer } from '../src/server.testkit.ts';
import { agent, apart, cpu, HOT_CPU, part } from './roles-apart.testkit.ts';

function rules(): string {
  const file = join(tempDir(), 'rules.toml');
  writeFileSync(file, HOT_CPU);
  return file;
}

async function json<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}

/** What a broker keeps, as a reader sees it. */
async function reader(url: string, login: { username?: string; password?: string } = {}) {
  const client = connectMqtt({ url, clientId: 'reader', ...login, logger: silent, minDelayMs: 50, maxDelayMs: 200 });
  onTestFinished(() => client.close());
  const kept = new Map<string, string>();
  await client.subscribe('hostwire/v1/#', ({ topic, payload }) => {
    if (payload.length === 0) kept.delete(topic);
    else kept.set(topic, Buffer.from(payload).toString());
  });
  await waitFor(() => client.connected);
  return kept;
}

const STATUS = topics().serverStatus;

describe('the roles apart on the embedded broker and store', () => {
  it('show what one process shows: values, series, alerts, acknowledgements, processes, and the end of a host', {
    timeout: 90_000,
  }, async () => {
    const dataDir = tempDir();
    const { get, api } = await apart(dataDir, { rules: rules() });
    const { registry } = api.server;
    const url = `mqtt://127.0.0.1:${get('broker').ports.mqtt}`;
    const { token: password } = await registry.tokens.add('reader', ['mqtt:read']);
    const kept = await reader(url, { username: 'reader', password });
    await waitFor(() => kept.get(STATUS) === 'online', { what: "the server's status" });

    const { token } = await registry.hosts.add('pve1');
    await waitFor(() => get('broker').live.get('pve1'), { what: 'the new host at the broker' });
    const host = await agent(url, 'pve1', token);
    await host.send(cpu(10));
    await waitFor(() => host.acknowledged().has(1), { what: 'the acknowledgement' });
    const admin = await api.bearer('admin');
    await waitFor(async () => JSON.stringify(await json(api.get('/api/hosts', admin))).includes('"cpu":10,'), {
      what: 'the value on the page',
    });
    const series = await json<SeriesAnswerBody>(api.get('/api/series?measurement=cpu&field=usage_active&from=-1m', admin));
    expect(series.series[0]?.values.filter((value) => value !== null)).toEqual([10]);

    await host.send(cpu(95));
    const alerts = async () =>
      (await json<{ alerts: { id: string; state: string; note: string | null }[] }>(api.get('/api/alerts', admin))).alerts;
    await waitFor(async () => (await alerts()).some(({ state }) => state === 'firing'), { what: 'the alert' });
    expect(await json(api.get('/api/hosts', admin))).toMatchObject({ hosts: [{ state: 'online', cpu: 95, alerts: { warning: 1 } }] });
    const acknowledged = await api.post('/api/alerts/hot_cpu.pve1/ack', { note: 'on it' }, await api.bearer('operate'));
    expect(await acknowledged.json()).toMatchObject({ note: 'on it', acknowledged_at: expect.any(Number) });
    // The alerts process takes it from the registry, and says so on the topic.
    const topic = topics().alert('pve1', 'hot_cpu.pve1');
    await waitFor(() => kept.get(topic)?.includes('on it'), { what: 'the acknowledgement on the topic' });
    expect(get('alerts').alerting()?.list()).toMatchObject([{ note: 'on it' }]);

    const self = await waitFor(
      async () => {
        const server = await json<ServerBody>(api.get('/api/server', admin));
        return server.processes.length === 4 && server;
      },
      { what: 'four processes', interval: 200 },
    );
    expect(self.processes.map(({ roles }) => roles.join()).sort()).toEqual(['alerts', 'api', 'broker', 'ingest']);
    expect(self.processes.find(({ roles }) => roles[0] === 'ingest')?.parts['ingest']).toBeDefined();

    await registry.hosts.remove('pve1');
    await waitFor(() => kept.get(topic) === undefined, { what: 'the end of the alert' });
    await waitFor(async () => (await json<{ hosts: object[] }>(api.get('/api/hosts', admin))).hosts.length === 0, { what: 'the removal' });
    await waitFor(() => get('alerts').live.get('pve1') === undefined, { what: 'the removal in the alerts process' });
  });

  it('go on when the broker and the store come back empty-handed and at other ports', { timeout: 90_000 }, async () => {
    const dataDir = tempDir();
    const { get, api } = await apart(dataDir, { rules: rules() });
    const { registry } = api.server;
    const { token } = await registry.hosts.add('pve1');
    await waitFor(() => get('broker').live.get('pve1'), { what: 'the new host at the broker' });
    const first = await agent(`mqtt://127.0.0.1:${get('broker').ports.mqtt}`, 'pve1', token);
    await first.send(cpu(95));
    await waitFor(
      () =>
        get('alerts')
          .alerting()
          ?.list()
          .some(({ state }) => state === 'firing'),
      { what: 'the alert' },
    );
    await first.client.close();

    await get('broker').close();
    await get('ingest').close();
    const health = async () => (await json<{ degraded: string[] }>(api.get('/health'))).degraded;
    await waitFor(async () => (await health()).includes('broker'), { what: 'the loss of the broker' });
    const [broker] = [await part({ dataDir, roles: 'broker' }), await part({ dataDir, roles: 'ingest' })];
    const { token: password } = await registry.tokens.add('reader', ['mqtt:read']);
    const kept = await reader(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { username: 'reader', password });
    await waitFor(() => kept.get(STATUS) === 'online' && kept.has(topics().alert('pve1', 'hot_cpu.pve1')), { what: 'what is retained' });
    await waitFor(async () => (await health()).length === 0, { what: 'health' });
    const metrics = await (await api.get('/metrics', await api.bearer('api:read'))).text();
    // What is tried again is counted: the connections to the broker, and the questions to the store.
    expect(metrics).toMatch(/^hostwire_link_connections_lost_total [1-9]/m);
    expect(metrics).toMatch(/^hostwire_link_connections_total [2-9]/m);
    const again = await agent(`mqtt://127.0.0.1:${broker.ports.mqtt}`, 'pve1', token, 'r2');
    await again.send(cpu(40));
    await waitFor(() => again.acknowledged().has(1), { what: 'the acknowledgement' });
    const series = await json<SeriesAnswerBody>(
      api.get('/api/series?measurement=cpu&field=usage_active&from=-5m&aggregate=count&step=1h', await api.bearer('admin')),
    );
    expect(series.series[0]?.values.reduce((sum, value) => (sum ?? 0) + (value ?? 0), 0)).toBe(2);
  });

  it('show a new api process what the broker keeps, though no host says anything any more', { timeout: 60_000 }, async () => {
    const dataDir = tempDir();
    const parts = [await part({ dataDir, roles: 'broker' }), await part({ dataDir, roles: 'ingest' })] as const;
    await part({ dataDir, roles: 'alerts' });
    const { token } = await parts[0].registry.hosts.add('pve1');
    await waitFor(() => parts[0].live.get('pve1'), { what: 'the new host at the broker' });
    const host = await agent(`mqtt://127.0.0.1:${parts[0].ports.mqtt}`, 'pve1', token);
    await host.send(cpu(10));
    await host.send({ mem: [{ fields: { used_percent: 20 } }] }, { tier: 'medium' });
    await waitFor(() => host.acknowledged().has(2), { what: 'the acknowledgement' });
    const api = new TestServer(await part({ dataDir, roles: 'api' }));
    const read = await api.bearer('api:read');
    await waitFor(async () => JSON.stringify(await json(api.get('/api/hosts', read))).includes('"cpu":10,'), {
      what: 'the value on the page',
      timeout: 5000,
    });
    const { hosts } = await json<{ hosts: object[] }>(api.get('/api/hosts', read));
    expect(hosts).toMatchObject([{ host: 'pve1', cpu: 10, memory: { percent: 20 } }]);
  });

  it('serve /health and /metrics of a process without the role api to tokens', async () => {
    const dataDir = tempDir();
    const [, ingest] = [await part({ dataDir, roles: 'broker' }), await part({ dataDir, roles: 'ingest', metricsPort: 0 })];
    const url = `http://127.0.0.1:${ingest.ports.metrics}`;
    expect(await json(fetch(`${url}/health`))).toMatchObject({ ok: true, roles: ['ingest'], degraded: [] });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const { token } = await ingest.registry.tokens.add('prometheus', ['api:read']);
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(await metrics.text()).toMatch(/^hostwire_process_resident_memory_bytes \d+$/m);
    expect((await fetch(`${url}/api/hosts`)).status).toBe(404);
  });
});

describe('the lead of the alerts', () => {
  it('passes to who stands by, with what fires, and without a word of the old one', { timeout: 90_000 }, async () => {
    const dataDir = tempDir();
    const options = { dataDir, rules: rules() };
    const broker = await part({ ...options, roles: 'broker,ingest' });
    const first = await part({ ...options, roles: 'alerts' });
    const second = await part({ ...options, roles: 'alerts' });
    const both = new TestServer(await part({ ...options, roles: 'alerts,api' }));
    expect([first, second, both.server].map((server) => server.alerting() !== null)).toEqual([true, false, false]);
    const { token } = await first.registry.hosts.add('pve1');
    await waitFor(() => broker.live.get('pve1'));
    const host = await agent(`mqtt://127.0.0.1:${broker.ports.mqtt}`, 'pve1', token);
    await host.send(cpu(95));
    await waitFor(
      () =>
        first
          .alerting()
          ?.list()
          .some(({ state }) => state === 'firing'),
      { what: 'the alert' },
    );
    const read = await both.bearer('api:read');
    await waitFor(async () => JSON.stringify(await json(both.get('/api/alerts', read))).includes('"firing"'), {
      what: 'the alert on another process',
    });

    await first.close();
    const left = [second, both.server];
    const leader = await waitFor(() => left.find((server) => server.alerting() !== null), { what: 'another leader' });
    expect(leader.alerting()?.list()).toMatchObject([{ id: 'hot_cpu.pve1', state: 'firing' }]);
    const { token: password } = await leader.registry.tokens.add('reader', ['mqtt:read']);
    const kept = await reader(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { username: 'reader', password });
    await waitFor(() => kept.get(STATUS) === 'online' && kept.has(topics().alert('pve1', 'hot_cpu.pve1')), { what: 'its topics' });
    await host.send(cpu(5));
    await waitFor(() => !kept.has(topics().alert('pve1', 'hot_cpu.pve1')), { what: 'the end of the alert' });
  });
});

systemSuite(['mosquitto', 'influxd'], 'the roles apart on Mosquitto and InfluxDB', () => {
  it('share the samples between two workers, each stored once and acknowledged, and show them all', { timeout: 120_000 }, async () => {
    const [mosquitto, influxd] = await Promise.all([startMosquitto(), startInfluxd()]);
    onTestFinished(async () => {
      await mosquitto.stop();
      await influxd.stop();
    });
    const shared = { dataDir: tempDir(), store: 'influxdb', influxUrl: influxd.url, brokerUrl: mosquitto.url, rules: rules() };
    const worker = await part({ ...shared, roles: 'ingest' });
    await part({ ...shared, roles: 'ingest' });
    await part({ ...shared, roles: 'alerts' });
    const api = new TestServer(await part({ ...shared, roles: 'api' }));
    const admin = await api.bearer('admin');

    const agents = await Promise.all(['a', 'b', 'c', 'd'].map((host) => agent(mosquitto.url, host, '')));
    const start = Date.now() - 60_000;
    for (let seq = 1; seq <= 50; seq++) await Promise.all(agents.map((host) => host.send(cpu(seq), { time: start + seq * 1000 })));
    for (const host of agents) await waitFor(() => host.acknowledged().size === 50, { what: `the acknowledgements of ${host.host}` });
    const counted = async () => {
      const { results } = await worker.store.query('SELECT count("seq") FROM "agent" GROUP BY "host"', { database: 'hostwire' });
      return (results[0]?.series ?? []).map(({ tags, values }) => [tags?.['host'], values[0]?.[1]]);
    };
    await waitFor(async () => (await counted()).length === 4 && (await counted()).every(([, count]) => count === 50), {
      what: 'all samples in the store',
      timeout: 30_000,
    });
    const taken = async () => {
      const { processes } = await json<ServerBody>(api.get('/api/server', admin));
      return processes.filter(({ roles }) => roles.includes('ingest')).map(({ parts }) => parts['ingest']?.['samples'] ?? 0);
    };
    // Written every 30 s; what is counted lives in each worker.
    const shares = await waitFor(
      async () => {
        const counts = await taken();
        return counts.length === 2 && counts.reduce((sum, count) => sum + count, 0) === 200 && counts;
      },
      { timeout: 45_000, interval: 500, what: 'the counters of both workers' },
    );
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(await json(api.get('/api/hosts', admin))).toMatchObject({
      hosts: ['a', 'b', 'c', 'd'].map((host) => ({ host, state: 'online', cpu: 50 })),
    });
  });
});
