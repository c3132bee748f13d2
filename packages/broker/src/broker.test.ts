import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { waitFor } from '@hostwire/testkit';
import type { BusMessage } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recorder, rig, topics } from './broker.testkit.ts';
import { type BrokerError, startBroker } from './broker.ts';

const text = ({ payload }: BusMessage): string => Buffer.from(payload).toString();

describe('who may connect', () => {
  it('is told apart in the log and the counters, and not to the client', async () => {
    const { registry, client, refused, logger, broker } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const { token: other } = await registry.hosts.add('pve2');
    const { token: api } = await registry.tokens.add('api', ['api:read']);
    const { token: old } = await registry.tokens.add('old', ['mqtt:read'], 1);
    const attempts = [
      ['unknown-host', client('pve3', token)],
      ['bad-token', client('pve1', other)],
      ['bad-token', client('pve2', '')],
      ['no-scope', client('api', api)],
      ['expired', client('old', old)],
      ['client-id', client('pve1', token, { clientId: 'pve2' })],
      ['will', client('pve1', token, { will: { topic: topics.status('pve2'), payload: 'offline', qos: 1, retain: true } })],
    ] as const;
    for (const [reason] of attempts) await waitFor(() => refused(reason) > 0, { what: reason });
    expect(attempts.some(([, attempt]) => attempt.connected)).toBe(false);
    expect(broker.stats()).toMatchObject({ clients: 0 });
    for (const [reason] of attempts) expect(logger.lines.filter((line) => line.includes(`"${reason}"`))).toHaveLength(1);
    for (const secret of [token, other, api, old]) expect(logger.lines.join()).not.toContain(secret);
  });

  it('is disconnected within two seconds when the credentials are revoked, by whatever process', async () => {
    const { registry, broker, connect, refused } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const { token: reader } = await registry.tokens.add('reader', ['mqtt:read']);
    const host = await connect('pve1', token, { will: { topic: topics.status('pve1'), payload: 'offline', qos: 1, retain: true } });
    const program = await connect('reader', reader);
    const statuses: string[] = [];
    await broker.bus().subscribe(topics.status('pve1'), (message) => {
      statuses.push(text(message));
    });
    await host.publish(topics.status('pve1'), 'online', { qos: 1, retain: true });
    await registry.hosts.rotate('pve1');
    await waitFor(() => !host.connected && broker.stats().hosts.length === 0);
    await waitFor(() => statuses.includes('offline'));
    expect(program.connected).toBe(true);
    await registry.tokens.remove('reader');
    await waitFor(() => !program.connected);
    expect(refused('revoked')).toBe(2);
    await registry.hosts.remove('pve1');
    await waitFor(() => broker.stats().retained.messages === 0);
    expect(statuses).toEqual(['online', 'offline', '']);
  });
});

describe("the server's other processes", () => {
  it('publish and subscribe all below the root with the password of the data directory', async () => {
    const { registry, broker, connect, client, refused } = await rig({ serverToken: 'hwi_internal' });
    const { token } = await registry.hosts.add('pve1');
    const wrong = client('hostwire-server', token);
    await waitFor(() => refused('bad-token') > 0);
    expect(wrong.connected).toBe(false);
    await wrong.close();
    const will = { topic: topics.serverStatus, payload: 'offline', qos: 1, retain: true } as const;
    const server = await connect('hostwire-server', 'hwi_internal', { clientId: 'hostwire-alerts-x', will });
    const other = await connect('hostwire-server', 'hwi_internal', { clientId: 'hostwire-ingest-x' });
    const seen: string[] = [];
    await other.subscribe('hostwire/#', (message) => {
      seen.push(`${message.topic} ${text(message)}`);
    });
    await expect(other.subscribe('$share/ingest/hostwire/v1/+/sample/+', () => {})).rejects.toMatchObject({ code: 'refused' });
    const host = await connect('pve1', token);
    await host.publish(topics.status('pve1'), 'online', { qos: 1, retain: true });
    for (const topic of [topics.ack('pve1'), topics.alert('pve1', 'x'), topics.serverStatus, 'homeassistant/device/hostwire_pve1/config'])
      await server.publish(topic, '{}', { qos: 1, retain: true });
    await waitFor(() => seen.length === 4);
    expect(seen).toEqual([
      'hostwire/v1/pve1/status online',
      'hostwire/v1/pve1/ack {}',
      'hostwire/v1/pve1/alert/x {}',
      'hostwire/v1/status {}',
    ]);
    // Changes of hosts and tokens do not concern it.
    await registry.hosts.remove('pve1');
    await waitFor(() => broker.stats().hosts.length === 0);
    expect([server.connected, other.connected]).toEqual([true, true]);
    await expect(server.publish('elsewhere/x', 'x', { qos: 1 })).rejects.toMatchObject({ code: 'offline' });
    await waitFor(() => seen.at(-1) === 'hostwire/v1/status offline');
    expect(refused('foreign-topic')).toBe(1);
  });

  it('are nobody where no password was given', async () => {
    const { client, refused } = await rig();
    const nobody = client('hostwire-server', '');
    await waitFor(() => refused('bad-token') > 0);
    expect(nobody.connected).toBe(false);
  });
});

describe('taking over', () => {
  it('needs the same credentials: a host replaces its half-open predecessor, a reader with its name does not', async () => {
    const { registry, broker, connect } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const { token: reader } = await registry.tokens.add('reader', ['mqtt:read']);
    const statuses: string[] = [];
    await broker.bus().subscribe(topics.status('pve1'), (message) => {
      statuses.push(text(message));
    });
    const will = { topic: topics.status('pve1'), payload: 'offline', qos: 1, retain: true } as const;
    const first = await connect('pve1', token, { will, minDelayMs: 60_000 });
    await connect('reader', reader, { clientId: 'pve1' });
    expect(broker.stats()).toMatchObject({ clients: 2, hosts: ['pve1'] });
    expect(first.connected).toBe(true);
    const second = await connect('pve1', token, { will });
    await second.publish(topics.status('pve1'), 'online', { qos: 1, retain: true });
    await waitFor(() => !first.connected);
    await waitFor(() => statuses.length === 2);
    // The predecessor's will goes before anything of the successor.
    expect(statuses).toEqual(['offline', 'online']);
    expect(broker.stats()).toMatchObject({ clients: 2, hosts: ['pve1'] });
  });
});

describe('topics', () => {
  it('of another host are refused, for publishing by a disconnect', async () => {
    const { registry, broker, connect, refused } = await rig();
    const { token } = await registry.hosts.add('pve1');
    await registry.hosts.add('pve2');
    const seen: string[] = [];
    await broker.bus().subscribe('#', ({ topic }) => {
      seen.push(topic);
    });
    const host = await connect('pve1', token);
    await expect(host.subscribe(topics.ack('pve2'), () => {})).rejects.toMatchObject({ code: 'refused' });
    await expect(host.subscribe('hostwire/#', () => {})).rejects.toMatchObject({ code: 'refused' });
    await expect(host.subscribe('$share/x/#', () => {})).rejects.toMatchObject({ code: 'refused' });
    expect(refused('foreign-filter')).toBe(3);
    await expect(host.publish(topics.sample('pve2', 'fast'), 'x', { qos: 1 })).rejects.toMatchObject({ code: 'offline' });
    expect(refused('foreign-topic')).toBe(1);
    await waitFor(() => host.connected);
    await host.publish(topics.info('pve1'), 'x', { qos: 1 });
    await waitFor(() => seen.length > 0);
    expect(seen).toEqual([topics.info('pve1')]);
  });

  it('are heard by a reader, also over WebSocket, and kept apart as retained or live', async () => {
    const { registry, broker, connect } = await rig({ wsPort: 0 });
    const { token } = await registry.hosts.add('pve1');
    const { token: reader } = await registry.tokens.add('reader', ['mqtt:read']);
    const host = await connect('pve1', token);
    await host.publish(topics.status('pve1'), 'online', { qos: 1, retain: true });
    const program = await connect('reader', reader, { url: `ws://127.0.0.1:${broker.wsPort}/mqtt` });
    const got: string[] = [];
    await program.subscribe('hostwire/#', (message) => {
      got.push(`${message.topic} ${text(message)} ${message.retained}`);
    });
    const local: string[] = [];
    await broker.bus().subscribe('hostwire/v1/+/+', (message) => {
      local.push(`${message.topic} ${text(message)} ${message.retained}`);
    });
    expect(local).toEqual(['hostwire/v1/pve1/status online true']);
    await host.publish(topics.info('pve1'), '{}', { qos: 1, retain: true });
    await waitFor(() => got.length === 2 && local.length === 2);
    expect(got).toEqual(['hostwire/v1/pve1/status online true', 'hostwire/v1/pve1/info {} false']);
    expect(local[1]).toBe('hostwire/v1/pve1/info {} false');
    await expect(program.publish(topics.status('pve1'), 'offline', { qos: 1 })).rejects.toMatchObject({ code: 'offline' });
  });

  it('are acknowledged to their host by the bus of this process', async () => {
    const { registry, broker, connect } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const host = await connect('pve1', token);
    const got: string[] = [];
    await host.subscribe(topics.ack('pve1'), (message) => {
      got.push(text(message));
    });
    const bus = broker.bus();
    // Retained and not, QoS 0 and 1, in one turn: none may overtake another, aedes would drop the one that comes late.
    const messages = Array.from({ length: 40 }, (_, index) => String(index));
    await Promise.all(
      messages.map((payload, index) => bus.publish(topics.ack('pve1'), payload, { qos: index % 2 === 0 ? 1 : 0, retain: index % 3 === 0 })),
    );
    await waitFor(() => got.length === messages.length);
    expect(got).toEqual(messages);
  });

  it('keep no more retained messages of one host than its share', async () => {
    const { registry, broker, connect, refused } = await rig({ limits: { maxRetainedPerHost: 3, maxRetainedBytesPerHost: 1000 } });
    const { token } = await registry.hosts.add('pve1');
    const host = await connect('pve1', token);
    const keep = (name: string, bytes: number): Promise<void> =>
      host.publish(`hostwire/v1/pve1/inventory/${name}`, Buffer.alloc(bytes), { qos: 1, retain: true });
    await keep('a', 500);
    await keep('b', 500);
    await keep('c', 1);
    await keep('a', 100);
    await keep('c', 1);
    await keep('d', 1);
    await host.publish(topics.status('pve1'), 'x', { qos: 1 });
    expect(broker.stats().retained).toEqual({ messages: 3, bytes: 601 });
    expect(refused('retained-limit')).toBe(2);
    await keep('a', 0);
    await waitFor(() => broker.stats().retained.messages === 2);
  });
});

describe('samples', () => {
  it('are acknowledged when onPublish has resolved, and not at all when it rejects', async () => {
    const arrived: string[] = [];
    const settle: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const { registry, connect, refused } = await rig({
      onPublish: (message, principal) => {
        arrived.push(`${principal.kind} ${message.topic} ${text(message)}`);
        return new Promise<void>((resolve, reject) => settle.push({ resolve, reject }));
      },
    });
    const { token } = await registry.hosts.add('pve1');
    const host = await connect('pve1', token);
    const events: string[] = [];
    const first = host.publish(topics.sample('pve1', 'fast'), '1', { qos: 1 }).then(() => events.push('acknowledged'));
    await waitFor(() => arrived.length === 1);
    // A later packet on the same connection is not what it waits for.
    await host.publish(topics.info('pve1'), '{}', { qos: 0 });
    events.push('stored');
    settle[0]?.resolve();
    await first;
    expect(events).toEqual(['stored', 'acknowledged']);
    expect(arrived).toEqual(['host hostwire/v1/pve1/sample/fast 1']);
    const second = host.publish(topics.sample('pve1', 'fast'), '2', { qos: 1 });
    await waitFor(() => arrived.length === 2);
    settle[1]?.reject(new Error('disk full'));
    await expect(second).rejects.toMatchObject({ code: 'offline' });
    expect(refused('store-unavailable')).toBe(1);
    await waitFor(() => host.connected);
  });
});

describe('listening', () => {
  it('names the port that another program has', async () => {
    const { registry } = await rig();
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      taken.close();
    });
    const { port } = taken.address() as AddressInfo;
    const options = { registry, topics, host: '127.0.0.1', logger: recorder() };
    await expect(startBroker({ ...options, port })).rejects.toMatchObject({
      code: 'address-in-use',
      message: expect.stringContaining(String(port)),
    });
    await expect(startBroker({ ...options, port: 0, wsPort: port })).rejects.toSatisfy((error: BrokerError) =>
      error.message.includes('WebSocket'),
    );
  });

  it('shares an HTTP server with its other upgrades', async () => {
    const { registry, broker, connect } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const server = createHttpServer();
    const others: string[] = [];
    server.on('upgrade', (request, socket) => {
      others.push(request.url ?? '');
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
    });
    broker.attachTo(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const host = await connect('pve1', token, { url: `ws://127.0.0.1:${port}/mqtt` });
    await host.publish(topics.status('pve1'), 'online', { qos: 1 });
    const socket = connectTcp(port, '127.0.0.1');
    socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await new Promise((done) => socket.on('close', done).resume());
    expect(others).toEqual(['/ws']);
    await host.close();
  });

  it('lets an HTTP server close: its WebSockets end without a will, and no more are taken', async () => {
    const { registry, broker, connect } = await rig();
    const { token } = await registry.hosts.add('pve1');
    const server = createHttpServer();
    broker.attachTo(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const url = `ws://127.0.0.1:${port}/mqtt`;
    const wills: string[] = [];
    await broker.bus().subscribe(topics.status('pve1'), ({ payload }) => void wills.push(Buffer.from(payload).toString()));
    const will = { topic: topics.status('pve1'), payload: 'offline', qos: 1, retain: true } as const;
    const host = await connect('pve1', token, { url, will, minDelayMs: 60_000, maxDelayMs: 60_000 });
    const { token: reader } = await registry.tokens.add('reader', ['mqtt:read']);
    const overTcp = await connect('reader', reader);
    await broker.closeWebSockets();
    await new Promise<void>((done) => server.close(() => done()));
    expect(host.connected).toBe(false);
    expect(wills).toEqual([]);
    expect(overTcp.connected).toBe(true);
  });
});
