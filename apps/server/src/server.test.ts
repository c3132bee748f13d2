import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { catalog } from '@hostwire/collectors';
import { toCatalog, topics } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import type { SeriesStore } from '@hostwire/store';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { HostDetailBody, SeriesAnswerBody } from './api/schemas.ts';
import { loadConfig } from './config/load-config.ts';
import { silent, TestServer, testServer } from './server.testkit.ts';
import { startServer } from './server.ts';

const cpu = (usage: number) => ({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: usage } }] });
const net = (received: number) => ({ net: [{ tags: { interface: 'eth0' }, fields: { bytes_recv: received } }] });

async function json<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}

describe('the flow from a host to the API', () => {
  it('answers what was published, by time and as rates, and what it knows of the host', async () => {
    const server = await testServer();
    const host = await server.host('pve1');
    await host.status('online');
    const start = Math.floor(Date.now() / 20_000) * 20_000 - 60_000;
    for (let i = 0; i < 6; i++) await host.send({ ...cpu(i * 10), ...net(1000 * i) }, { time: start + i * 10_000 + 1, interval: 10 });
    const admin = await server.bearer('admin');

    const range = `from=${start}&to=${start + 60_000}`;
    const mean = await json<SeriesAnswerBody>(
      server.get(`/api/series?measurement=cpu&field=usage_active&${range}&step=20s&where=cpu:cpu-total`, admin),
    );
    expect(mean).toMatchObject({ step: 20_000, unit: 'percent', series: [{ tags: { host: 'pve1' }, values: [5, 25, 45] }] });
    expect(mean.times).toEqual([start, start + 20_000, start + 40_000]);

    const rate = await json<SeriesAnswerBody>(
      server.get(`/api/series?measurement=net&field=bytes_recv&aggregate=rate&${range}&host=pve1&group_by=interface`, admin),
    );
    expect(rate).toMatchObject({
      step: 10_000,
      unit: 'bytes/s',
      series: [{ tags: { interface: 'eth0' }, values: [null, 100, 100, 100, 100, 100] }],
    });
    const later = await json<SeriesAnswerBody>(
      server.get(`/api/series?measurement=net&field=bytes_recv&aggregate=rate&from=${start + 20_000}&to=${start + 40_000}&step=10s`, admin),
    );
    expect(later.series[0]?.values).toEqual([100, 100]);

    const none = await json<SeriesAnswerBody>(server.get(`/api/series?measurement=cpu&field=usage_active&${range}&host=other`, admin));
    expect(none.series).toEqual([]);

    const detail = await json<HostDetailBody>(server.get('/api/hosts/pve1', admin));
    expect(detail.summary).toMatchObject({ state: 'online', cpu: 50, network: { in: 100, out: 0 }, interval: 10 });
    expect(detail.latest['net']?.rows).toEqual([{ tags: { interface: 'eth0' }, fields: { bytes_recv: 5000 } }]);
  });

  it('keeps facts and catalogs that hosts send, and leaves out what is neither', async () => {
    const server = await testServer();
    const host = await server.host('pve1');
    const info = {
      ...{
        agent_version: '0.1.0',
        hostname: 'pve1',
        os: 'Debian',
        kernel: '6',
        arch: 'x64',
        user: 'root',
        groups: [],
        mock: true,
        run: 'r1',
      },
      capabilities: { zfs: { available: false, reason: 'no zpool', hint: 'apt install zfsutils-linux' } },
      intervals: { fast: 5, medium: 30, slow: 300 },
    };
    const rpm = { type: 'float', unit: 'rpm', kind: 'gauge', help: '' } as const;
    const declared = toCatalog([
      { name: 'fan', tier: 'fast', help: '', measurements: { fan: { help: 'Fans', tags: {}, fields: { rpm } } } },
    ]);
    await host.client.publish(topics().info('pve1'), JSON.stringify(info), { qos: 1, retain: true });
    const say = (body: string | Uint8Array) => host.client.publish(topics().catalog('pve1'), body, { qos: 1, retain: true });
    await say(gzipSync(JSON.stringify(declared)));
    await say(JSON.stringify({ ...declared, hash: catalog().hash }));
    await host.client.publish(topics().info('pve1'), '{"broken', { qos: 1 });
    await say('{}');
    await host.send({ fan: [{ fields: { rpm: 1200 } }] }, { catalog: declared.hash });

    const admin = await server.bearer('admin');
    const detail = await json<HostDetailBody>(server.get('/api/hosts/pve1', admin));
    expect(detail).toMatchObject({ summary: { os: 'Debian', mock: true }, capabilities: { zfs: { hint: 'apt install zfsutils-linux' } } });
    expect((await json<{ mock: boolean }>(server.get('/health'))).mock).toBe(true);
    expect(await json(server.get('/api/catalog', admin))).toMatchObject({ measurements: { fan: { help: 'Fans' }, cpu: {} } });
    const fan = await json<SeriesAnswerBody>(server.get('/api/series?measurement=fan&field=rpm&from=-1m', admin));
    expect([fan.unit, fan.series.length]).toEqual(['rpm', 1]);
    const metrics = await (await server.get('/metrics', admin)).text();
    expect(metrics).toContain('hostwire_live_invalid_total{kind="info"} 1\n');
    expect(metrics).toContain('hostwire_live_invalid_total{kind="catalog"} 2\n');
    expect(metrics).toMatch(/hostwire_ingest_samples_total 1\n/);
    expect((await server.server.registry.catalogs.get(declared.hash))?.measurements['fan']).toBeDefined();
  });

  it('gives the values of a host although another one sends fields that are named like tags', async () => {
    const server = await testServer();
    const good = await server.host('pve1');
    const bad = await server.host('pve2');
    await bad.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 1, host: 'pve1', cpu: 'cpu-total' } }] });
    await good.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 42 } }] });
    const asked = '/api/series?measurement=cpu&field=usage_active&from=-1m&host=pve1&where=cpu:cpu-total';
    const answer = await json<SeriesAnswerBody>(server.get(asked, await server.bearer('admin')));
    expect(answer.series.flatMap(({ values }) => values).filter((value) => value !== null)).toEqual([42]);
  });

  it('has the last values again after a restart, and the host is offline until it speaks', async () => {
    const options = { dataDir: tempDir(), port: 0, mqttPort: 0, influxPort: 0 };
    const config = loadConfig(options, {});
    const first = await startServer({ config, logger: silent });
    const host = await new TestServer(first).host('pve1');
    await host.send({ ...cpu(42), system: [{ fields: { load1: 1, load5: 2, load15: 3 } }] });
    // Its clock is behind, by less than what is refused.
    const slow = await new TestServer(first).host('pve2');
    await slow.send(cpu(43), { time: Date.now() - 400_000, interval: 30 });
    await Promise.all([host.client.close(), slow.client.close()]);
    await first.close();

    const second = await startServer({ config, logger: silent });
    onTestFinished(() => second.close());
    const server = new TestServer(second);
    const { hosts } = await json<{ hosts: object[] }>(server.get('/api/hosts', await server.bearer('admin')));
    expect(hosts).toMatchObject([
      { host: 'pve1', state: 'offline', cpu: 42, load: [1, 2, 3] },
      { host: 'pve2', cpu: 43 },
    ]);
    const answer = await json<SeriesAnswerBody>(
      server.get('/api/series?measurement=cpu&field=usage_active&from=-1m&host=pve1', await server.bearer('admin')),
    );
    expect(answer.series[0]?.values.filter((value) => value !== null)).toEqual([42]);
  });

  it('is the same on the port for Influx clients, for tokens of the registry only', async () => {
    const server = await testServer();
    await (await server.host('pve1')).send(cpu(42));
    const query = (headers: Record<string, string>) =>
      fetch(
        `http://127.0.0.1:${server.server.ports.influx}/query?db=hostwire&q=${encodeURIComponent('SELECT last(usage_active) FROM cpu')}`,
        { headers },
      );
    expect(await json(query(await server.bearer('series:read')))).toMatchObject({
      results: [{ series: [{ name: 'cpu', values: [[expect.any(String), 42]] }] }],
    });
    expect((await query({})).status).toBe(401);
    expect((await query(await server.bearer('series:write'))).ok).toBe(false);
  });
});

describe('the WebSocket', () => {
  it('tells of changes, of samples that are watched, and of alerts', async () => {
    const folder = tempDir();
    const rules = join(folder, 'rules.toml');
    writeFileSync(
      rules,
      '[[rule]]\nname = "hot_cpu"\nseverity = "warning"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage_active"\nwhere = { cpu = "cpu-total" }\nthreshold = 90\nsummary = "cpu {value}"\n',
    );
    const server = await testServer({ rules });
    const host = await server.host('pve1');
    await host.status('online');
    const client = await connect(server, await server.cookie());
    expect(client.events[0]).toMatchObject({ event: 'hello', data: { version: '0.1.0' } });
    client.socket.send(JSON.stringify({ watch: ['pve1'] }));
    await server.host('unwatched').then((other) => other.send(cpu(5)));
    await waitFor(
      async () => {
        await host.send({ ...cpu(95), ...net(2) });
        return client.find('sample');
      },
      { interval: 100, what: 'a sample' },
    );
    expect(client.find('sample')).toMatchObject({
      host: 'pve1',
      tier: 'fast',
      interval: 5,
      latest: { cpu: [{ fields: { usage_active: 95 } }] },
      errors: [],
    });
    expect(client.events.filter(({ event, data }) => event === 'sample' && data['host'] !== 'pve1')).toEqual([]);
    await waitFor(() => client.find('alert_new'), { what: 'an alert' });
    await waitFor(() => client.events.some(({ event, data }) => event === 'hosts_update' && JSON.stringify(data).includes('"warning":1')), {
      what: 'the count of alerts',
    });

    const operate = await server.bearer('operate');
    const acknowledged = await server.post('/api/alerts/hot_cpu.pve1/ack', { note: 'on it' }, operate);
    expect(await acknowledged.json()).toMatchObject({ note: 'on it', acknowledged_at: expect.any(Number) });
    await waitFor(() => client.find('alert_update'), { what: 'the acknowledgement' });
    const read = await server.bearer('api:read');
    expect(await json(server.get('/api/alerts?acknowledged=true&state=firing', read))).toMatchObject({ alerts: [{ id: 'hot_cpu.pve1' }] });
    const undone = await fetch(`${server.url}/api/alerts/hot_cpu.pve1/ack`, { method: 'DELETE', headers: operate });
    expect(await undone.json()).toMatchObject({ note: null, acknowledged_at: null });
    await host.send(cpu(5));
    await waitFor(() => client.find('alert_cleared'), { what: 'the end of the alert' });
  });

  it('opens for logged-in pages of this server and for tokens, and for nobody else', async () => {
    const server = await testServer();
    const cookie = await server.cookie();
    const refused = (headers: Record<string, string>) =>
      connect(server, headers).then(
        () => 101,
        (error: Error) => error.message,
      );
    expect(await refused({})).toMatch(/401/);
    expect(await refused({ ...cookie, origin: 'http://evil.example' })).toMatch(/403/);
    expect(await refused({ ...cookie, origin: '' })).toMatch(/403/);
    expect(await refused(await server.bearer('mqtt:read'))).toMatch(/403/);
    const program = await connect(server, { ...(await server.bearer('api:read')), origin: '' });
    expect(program.find('hello')).toBeDefined();
  });

  it('drops a client that does not read, and goes on with the others', async () => {
    // It does not answer pings either, which would end it for another reason.
    const server = await testServer({}, { checkMs: 600_000 });
    const host = await server.host('pve1');
    const token = await server.bearer('api:read');
    const [slow, good] = [await connect(server, { ...token, origin: '' }), await connect(server, { ...token, origin: '' })];
    for (const { socket } of [slow, good]) socket.send(JSON.stringify({ watch: ['pve1'] }));
    slow.socket.pause();
    const large = { process_top: [{ tags: { by: 'cpu', rank: '1' }, fields: { process_name: 'x'.repeat(60_000) } }] };
    // What the kernel buffers between the two comes before the server's own limit.
    await waitFor(
      async () => {
        for (let i = 0; i < 20; i++) await host.send(large);
        return (await (await server.get('/metrics', token)).text()).includes('hostwire_api_ws_dropped_total{reason="slow"} 1\n');
      },
      { timeout: 25_000, what: 'the drop of the slow client' },
    );
    expect(good.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('closes on nonsense, and when its session ends', async () => {
    const server = await testServer();
    const cookie = await server.cookie();
    for (const nonsense of ['{"watch": 1}', 'x', JSON.stringify({ watch: Array.from({ length: 51 }, () => 'a') })]) {
      const client = await connect(server, cookie);
      client.socket.send(nonsense);
      expect(await client.closed).toBe(1008);
    }
    const client = await connect(server, cookie);
    await server.post('/api/logout', undefined, { ...cookie, origin: server.url, 'x-hostwire-csrf': '1' });
    expect(await client.closed).toBe(1008);
  });
});

describe('hosts', () => {
  it('go offline by their will, come back, and disappear when they are removed', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const host = await server.host('pve1');
    await host.status('online');
    const state = async () => (await json<{ hosts: { state: string }[] }>(server.get('/api/hosts', admin))).hosts[0]?.state;
    await waitFor(async () => (await state()) === 'online');
    await host.status('offline');
    await waitFor(async () => (await state()) === 'offline');
    await host.send(cpu(1));
    await waitFor(async () => (await state()) === 'online');
    const client = await connect(server, await server.cookie());
    await waitFor(() => client.find('hosts_update'), { what: 'the first look at all hosts' });
    await server.server.registry.hosts.remove('pve1');
    await waitFor(async () => (await state()) === undefined, { what: 'the removal' });
    await waitFor(() => client.find('host_removed'), { what: 'the news of it' });
    expect(client.find('host_removed')).toEqual({ host: 'pve1' });
  });
});

describe('two agents with one identity', () => {
  it('are an alert that names both runs, on the host too; a restart is none', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const host = await server.host('pve1');
    const restarted = await server.host('pve2');
    await restarted.send(cpu(1), { run: 'old', interval: 1 });
    await restarted.send(cpu(1), { run: 'new', interval: 1 });
    await host.send(cpu(1), { run: 'older', interval: 1 });
    const alert = await waitFor(
      async () => {
        await host.send(cpu(1), { run: 'newer', interval: 1 });
        await host.send(cpu(2), { run: 'older', interval: 1 });
        await restarted.send(cpu(1), { run: 'new', interval: 1 });
        const { alerts } = await json<{ alerts: { id: string }[] }>(server.get('/api/alerts?state=firing', admin));
        return alerts[0];
      },
      { interval: 200, what: 'the alert' },
    );
    expect(alert).toMatchObject({
      ...{ id: 'identity_conflict.pve1', severity: 'warning', measurement: null },
      summary: expect.stringContaining('Two agents run as pve1: older and, newer, newer.'),
    });
    const { hosts } = await json<{ hosts: object[] }>(server.get('/api/hosts', admin));
    expect(hosts).toMatchObject([{ host: 'pve1', conflict: { since: expect.any(Number), runs: ['older', 'newer'] } }, { conflict: null }]);
  });
});

describe('a port that is in use', () => {
  it('stops the start in one sentence, but for the InfluxDB port, which is only missed', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await waitFor(() => other.listening);
    const { port } = other.address() as { port: number };
    await expect(testServer({ port })).rejects.toThrow(
      new RegExp(`^Cannot serve the dashboard and API: port ${port} .* is in use .* --port\\.$`),
    );
    await expect(testServer({ mqttPort: port })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
    const server = await testServer({ influxPort: port });
    expect(await json(server.get('/health'))).toMatchObject({ ok: true, degraded: ['influx-port'] });
    expect(server.server.ports.influx).toBeNull();
  });

  it('leaves the data directory free for the next start, and two servers never share one', async () => {
    const dataDir = tempDir();
    const server = await testServer({ dataDir });
    await expect(testServer({ dataDir })).rejects.toMatchObject({ code: 'locked' });
    await server.server.close();
    await testServer({ dataDir });
  });
});

it('shows the declarations of the built-in collectors', async () => {
  const server = await testServer();
  expect(await json(server.get('/api/catalog', await server.bearer('api:read')))).toEqual(JSON.parse(JSON.stringify(catalog())));
});

interface Event {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Connects as a page of this server does; rejects with the HTTP status if it is refused. */
async function connect(server: TestServer, headers: Record<string, string>) {
  const { origin = server.url, ...rest } = headers;
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, { headers: rest, ...(origin === '' ? {} : { origin }) });
  const events: Event[] = [];
  const closed = new Promise<number>((done) => socket.once('close', done));
  onTestFinished(() => socket.terminate());
  socket.on('message', (bytes: Buffer) => events.push(JSON.parse(bytes.toString()) as Event));
  await new Promise((done, fail) => socket.once('open', done).once('error', fail));
  await waitFor(() => events.length > 0, { what: 'hello' });
  return { socket, events, closed, find: (name: string) => events.find(({ event }) => event === name)?.data };
}

it('a host that is added while a server starts is known to it', async () => {
  const dataDir = tempDir();
  const registry = await openRegistry({ file: join(dataDir, 'registry.db') });
  onTestFinished(() => registry.close());
  await registry.hosts.add('old');
  await registry.hosts.seen([{ host: 'old', at: Date.now() }]);
  let token = '';
  const store: SeriesStore = {
    write: async () => ({ rejected: [] }),
    // A start that takes long: the last values of the hosts are read.
    async query() {
      if (token === '') ({ token } = await registry.hosts.add('new'));
      await new Promise((done) => setTimeout(done, 1200));
      return { results: [] };
    },
    close: async () => undefined,
  };
  const config = loadConfig({ dataDir, port: 0, mqttPort: 0, influxPort: 0 }, {});
  const server = await startServer({ config, logger: silent, store });
  onTestFinished(() => server.close());
  await waitFor(() => server.live.get('new'), { what: 'the host', timeout: 3000 });
});
