import { type HostInfo, topics as topicsOf } from '@hostwire/model';
import { type Registry, RegistryError } from '@hostwire/registry';
import { startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import { silent, type TestServer, testServer } from '../src/server.testkit.ts';
import { agent, apart, part, type TestAgent } from './roles-apart.testkit.ts';

const topics = topicsOf();

/** Every message on the topics `config`, and what is kept of them. */
async function configReader(url: string, login: { username?: string; password?: string } = {}) {
  const client = connectMqtt({ url, clientId: 'reader', ...login, logger: silent, minDelayMs: 50, maxDelayMs: 200 });
  onTestFinished(() => client.close());
  const said: string[] = [];
  const kept = new Map<string, unknown>();
  await client.subscribe(topics.filters.configs, ({ topic, payload, retained }) => {
    const { host = '' } = topics.parse(topic) ?? {};
    const text = Buffer.from(payload).toString();
    if (!retained) said.push(`${host} ${text}`);
    if (text === '') kept.delete(host);
    else kept.set(host, (JSON.parse(text) as { config: unknown }).config);
  });
  await waitFor(() => client.connected);
  return { kept, said, config: (host: string) => JSON.stringify(kept.get(host) ?? null) };
}

function infoOf({ host, run }: Pick<TestAgent, 'host' | 'run'>, change: Partial<HostInfo> = {}): string {
  const info: HostInfo = {
    ...{ agent_version: '1', hostname: host, os: 'o', kernel: 'k', arch: 'x64', user: 'u', groups: [], capabilities: {}, run },
    intervals: { fast: 5, medium: 300, slow: 1800 },
    ...change,
  };
  return JSON.stringify(info);
}

async function readerOf(registry: Registry, url: string) {
  const { token: password } = await registry.tokens.add('reader', ['mqtt:read']);
  return configReader(url, { username: 'reader', password });
}

async function ask(server: TestServer, method: string, path: string, body?: object) {
  const headers = { ...(await server.bearer('admin')), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const answer = await fetch(`${server.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>) };
}

it('publishes what is set for all, a group and a host, follows groups, and takes back what an agent has', async () => {
  const server = await testServer();
  const { registry, ports } = server.server;
  const url = `mqtt://127.0.0.1:${ports.mqtt}`;
  const reader = await readerOf(registry, url);
  const { token } = await registry.hosts.add('pi-01');
  await registry.hosts.add('pve1');
  const host = await agent(url, 'pi-01', token);

  expect(await ask(server, 'PUT', '/api/remote-config/all', { intervals: { fast_seconds: 20, slow_seconds: 600 } })).toMatchObject({
    status: 200,
    body: { scope: 'all', config: { intervals: { fast_seconds: 20 } }, updated_by: expect.stringMatching(/^t/) },
  });
  await waitFor(() => reader.kept.size === 2, { what: 'the configuration of both hosts' });
  await ask(server, 'PUT', `/api/remote-config/${encodeURIComponent('group:Raspberry Pis')}`, { intervals: { fast_seconds: 60 } });
  expect(reader.config('pi-01')).toBe('{"intervals":{"fast_seconds":20,"slow_seconds":600}}');
  const asked = Date.now();
  await registry.hosts.update('pi-01', { group: 'Raspberry Pis' });
  await waitFor(() => reader.config('pi-01') === '{"intervals":{"fast_seconds":60,"slow_seconds":600}}', { what: 'that of the group' });
  await ask(server, 'PUT', '/api/remote-config/host:pi-01', { collectors: { temp: { enabled: false } } });
  const all = '{"collectors":{"temp":{"enabled":false}},"intervals":{"fast_seconds":60,"slow_seconds":600}}';
  await waitFor(() => reader.config('pi-01') === all, { what: 'that of the host' });
  expect(Date.now() - asked).toBeLessThan(2000);
  expect(reader.config('pve1')).toBe('{"intervals":{"fast_seconds":20,"slow_seconds":600}}');

  const shown = await ask(server, 'GET', '/api/hosts/pi-01/config');
  expect(shown.body).toMatchObject({ scopes: ['all', 'group:Raspberry Pis', 'host:pi-01'], current: false, reported: null });
  const report = {
    hash: String(shown.body?.['hash']),
    applied: ['intervals.fast_seconds'],
    refused: [{ key: 'x', reason: 'y' }],
    unreadable: 0,
  };
  await host.client.publish(topics.info('pi-01'), infoOf(host, { config: report }), { qos: 1, retain: true });
  await waitFor(async () => (await ask(server, 'GET', '/api/hosts/pi-01/config')).body?.['current'] === true);
  expect((await ask(server, 'GET', '/api/hosts/pi-01')).body).toMatchObject({ info: { config: report } });

  const before = reader.said.length;
  for (const scope of ['host:pi-01', 'group:Raspberry Pis', 'all']) {
    expect((await ask(server, 'DELETE', `/api/remote-config/${encodeURIComponent(scope)}`)).status).toBe(204);
  }
  await waitFor(() => reader.config('pi-01') === '{}' && !reader.kept.has('pve1'), { what: 'nothing for who had nothing' });
  await host.client.publish(topics.info('pi-01'), infoOf(host), { qos: 1, retain: true });
  await waitFor(() => reader.kept.size === 0, { what: 'no word to who has nothing any more' });
  expect(reader.said.length - before).toBeLessThanOrEqual(6);
  expect(await ask(server, 'GET', '/api/remote-config')).toMatchObject({ body: { scopes: [] } });
});

it('clears what stands for a host that is removed, and gives nothing of it to a new one of its name', async () => {
  const server = await testServer();
  const { registry, ports } = server.server;
  const reader = await readerOf(registry, `mqtt://127.0.0.1:${ports.mqtt}`);
  await registry.hosts.add('pi-01');
  await registry.remoteConfig.set('host:pi-01', { enabled: false }, null);
  await waitFor(() => reader.config('pi-01') === '{"enabled":false}', { what: 'the configuration' });
  await registry.hosts.remove('pi-01');
  await waitFor(() => reader.kept.size === 0, { what: 'an empty topic' });
  await registry.hosts.add('pi-01');
  await waitFor(() => server.server.live.get('pi-01'));
  expect((await ask(server, 'GET', '/api/hosts/pi-01/config')).body).toMatchObject({ config: {}, scopes: [] });
  expect(reader.kept.size).toBe(0);
});

it('refuses what no server may set with a sentence, what is no scope, and who may not', async () => {
  const server = await testServer();
  await server.server.registry.hosts.add('pi-01');
  const put = (scope: string, body: object) => ask(server, 'PUT', `/api/remote-config/${encodeURIComponent(scope)}`, body);
  expect(await put('all', { token: 'x', intervals: { fast_seconds: 0 } })).toMatchObject({
    status: 400,
    body: {
      error: {
        code: 'invalid',
        message:
          "intervals.fast_seconds = 0 must be a number from 1 to 86400; token is set in the host's own file alone, never by a server.",
      },
    },
  });
  expect((await put('everybody', {})).status).toBe(400);
  expect((await put('host:pi-99', {})).status).toBe(404);
  expect((await ask(server, 'GET', '/api/remote-config/all')).status).toBe(404);
  expect((await ask(server, 'DELETE', '/api/remote-config/all')).status).toBe(404);
  const operate = { ...(await server.bearer('operate')), 'content-type': 'application/json' };
  expect((await fetch(`${server.url}/api/remote-config/all`, { method: 'PUT', headers: operate, body: '{}' })).status).toBe(403);
  expect(await server.server.registry.remoteConfig.list()).toEqual([]);
});

it('is published by several processes without a fight', { timeout: 60_000 }, async () => {
  const dataDir = tempDir();
  const { get, api } = await apart(dataDir);
  const second = await part({ dataDir, roles: 'api', instance: 'second' });
  const reader = await readerOf(api.server.registry, `mqtt://127.0.0.1:${get('broker').ports.mqtt}`);
  await api.server.registry.hosts.add('pi-01');
  for (let round = 1; round <= 5; round++) {
    const { registry } = round % 2 === 0 ? second : api.server;
    await registry.remoteConfig.set('all', { intervals: { fast_seconds: round } }, null);
    await waitFor(() => reader.config('pi-01') === `{"intervals":{"fast_seconds":${round}}}`, { what: `round ${round}` });
  }
  await new Promise((done) => setTimeout(done, 1500));
  expect(reader.config('pi-01')).toBe('{"intervals":{"fast_seconds":5}}');
  // At most once by each.
  expect(reader.said.length).toBeLessThanOrEqual(10);
  await expect(second.registry.remoteConfig.set('host:x', {}, null)).rejects.toBeInstanceOf(RegistryError);
});

systemSuite(['mosquitto'], 'remote configuration on a Mosquitto', () => {
  it('says nothing that stands already, and all of it to a broker that has lost it', { timeout: 60_000 }, async () => {
    const broker = await startMosquitto();
    onTestFinished(() => broker.stop());
    const reader = await configReader(broker.url);
    const dataDir = tempDir();
    const server = await testServer({ dataDir, brokerUrl: broker.url });
    await server.server.registry.hosts.add('pi-01');
    await server.server.registry.remoteConfig.set('all', { compress: true }, null);
    await waitFor(() => reader.config('pi-01') === '{"compress":true}', { what: 'the configuration' });
    await server.server.close();
    expect(reader.said).toHaveLength(1);
    const again = await testServer({ dataDir, brokerUrl: broker.url });
    await new Promise((done) => setTimeout(done, 1800));
    expect(reader.said).toHaveLength(1);
    reader.kept.clear();
    await broker.restart();
    await waitFor(() => reader.config('pi-01') === '{"compress":true}', { timeout: 15_000, what: 'the configuration once more' });
    // What the broker holds of a host that there is not.
    const stranger = connectMqtt({ url: broker.url, clientId: 'stranger', logger: silent });
    await waitFor(() => stranger.connected);
    await stranger.publish(topics.config('gone'), JSON.stringify({ v: 1, host: 'gone', config: {} }), { qos: 1, retain: true });
    await stranger.close();
    await again.server.close();
    await testServer({ dataDir, brokerUrl: broker.url });
    await waitFor(() => !reader.kept.has('gone'), { timeout: 5000, what: 'the end of a stray message' });
  });
});
