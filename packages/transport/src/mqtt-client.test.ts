import { createServer, type Server, type Socket } from 'node:net';
import { freePort, waitFor } from '@hostwire/testkit';
import { Aedes, type AedesOptions } from 'aedes';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Logger } from './logger.ts';
import type { BusMessage } from './message-bus.ts';
import { connectMqtt, type MqttClient, type MqttClientOptions, reconnectDelay, TransportError } from './mqtt-client.ts';

interface Entry {
  readonly level: string;
  readonly message: string;
}

function recorder(): Logger & { readonly entries: Entry[] } {
  const entries: Entry[] = [];
  const at =
    (level: string) =>
    (_fields: object, message: string): void => {
      entries.push({ level, message });
    };
  return { entries, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A real broker that can be stopped (its sockets too) and started again on its port. */
async function testBroker(port: number, options: AedesOptions = {}, host = '127.0.0.1') {
  const aedes = await Aedes.createBroker(options);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  await new Promise<void>((done) => server.listen(port, host, done));
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
    await new Promise<void>((done) => aedes.close(done));
  };
  onTestFinished(stop);
  return { aedes, sockets, stop };
}

function client(port: number, options: Partial<MqttClientOptions> = {}): MqttClient {
  const connection = connectMqtt({
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'pve1',
    logger: recorder(),
    minDelayMs: 20,
    maxDelayMs: 100,
    ...options,
  });
  onTestFinished(() => connection.close());
  return connection;
}

describe('connectMqtt', () => {
  it('publishes and receives, and says which messages were kept by the broker', async () => {
    const port = await freePort();
    await testBroker(port);
    const connection = client(port);
    await waitFor(() => connection.connected);
    await connection.publish('a/kept', 'old', { qos: 1, retain: true });
    const got: BusMessage[] = [];
    await connection.subscribe('a/+', (message) => {
      got.push(message);
    });
    await connection.publish('a/new', Buffer.from([1, 2]), { qos: 0 });
    await waitFor(() => got.length === 2);
    const kept = got.find(({ topic }) => topic === 'a/kept');
    const fresh = got.find(({ topic }) => topic === 'a/new');
    expect(kept?.retained).toBe(true);
    expect(Buffer.from(kept?.payload ?? []).toString()).toBe('old');
    expect(fresh?.retained).toBe(false);
    expect([...(fresh?.payload ?? [])]).toEqual([1, 2]);
    expect(Math.abs((fresh?.receivedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('rejects a publish without a connection and never sends it later', async () => {
    const port = await freePort();
    const connection = client(port);
    await expect(connection.publish('a', 'lost', { qos: 1 })).rejects.toMatchObject({ code: 'offline' });
    const got: string[] = [];
    await connection.subscribe('a', ({ payload }) => {
      got.push(Buffer.from(payload).toString());
    });
    await testBroker(port);
    await waitFor(() => connection.connected);
    await connection.publish('a', 'sent', { qos: 1 });
    await waitFor(() => got.length > 0);
    expect(got).toEqual(['sent']);
  });

  it('reconnects, subscribes again before it says so, and rejects what was in flight', async () => {
    const port = await freePort();
    const first = await testBroker(port, {
      authorizePublish: (_client, packet, done) => (packet.topic === 'held' ? undefined : done(null)),
    });
    const logger = recorder();
    const connection = client(port, { logger });
    const got: string[] = [];
    const events: string[] = [];
    connection.onConnect(() => {
      events.push('connected');
      connection.publish('a', 'hello', { qos: 1 }).catch(() => events.push('failed'));
    });
    connection.onDisconnect(({ kind }) => events.push(kind));
    await connection.subscribe('a', ({ payload }) => {
      got.push(Buffer.from(payload).toString());
    });
    await waitFor(() => got.length === 1);
    const held = connection.publish('held', 'x', { qos: 1 }).catch((error: unknown) => error);
    await first.stop();
    expect(await held).toBeInstanceOf(TransportError);
    expect(await held).toMatchObject({ code: 'offline' });
    await waitFor(() => logger.entries.some(({ message }) => message.startsWith('cannot connect') || message.startsWith('still')));
    await testBroker(port);
    await waitFor(() => got.length === 2);
    // A socket that is closed with bytes unread is reset.
    expect(events.map((kind) => (kind === 'network' ? 'closed' : kind))).toEqual(['connected', 'closed', 'connected']);
  });

  it('goes on trying after a refused CONNACK, and logs the state once', async () => {
    const port = await freePort();
    let attempts = 0;
    await testBroker(port, { authenticate: (_client, _user, _password, done) => done(null, ++attempts > 4) });
    const logger = recorder();
    const connection = client(port, { logger, username: 'pve1', password: 'secret-token' });
    await waitFor(() => connection.connected);
    expect(attempts).toBe(5);
    const warnings = logger.entries.filter(({ level }) => level === 'warn');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toMatch(/refused the credentials/);
    expect(JSON.stringify(logger.entries)).not.toContain('secret-token');
  });

  it('says whether nothing listens, the name is unknown, nobody answers, or it is not TLS', async () => {
    const silent = createServer(() => {});
    const rude = createServer((socket) => socket.on('error', () => {}).end());
    for (const server of [silent, rude]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      silent.close();
      rude.close();
    });
    const port = (server: Server): number => (server.address() as { port: number }).port;
    const cases: [url: string, sentence: RegExp][] = [
      [`mqtt://127.0.0.1:${await freePort()}`, /nothing listens there/],
      ['mqtt://no-such-host.invalid', /name/],
      [`mqtt://127.0.0.1:${port(silent)}`, /no answer in time/],
      [`mqtt://127.0.0.1:${port(rude)}`, /closed the connection|was reset/],
      [`mqtts://127.0.0.1:${port(rude)}`, /closed the connection|was reset|TLS/],
    ];
    for (const [url, sentence] of cases) {
      const logger = recorder();
      const connection = connectMqtt({ url, clientId: 'x', logger, connectTimeoutMs: 300, minDelayMs: 1000 });
      const warning = await waitFor(() => logger.entries.find(({ level }) => level === 'warn'));
      expect(warning.message).toMatch(sentence);
      await connection.close();
    }
  });

  it('holds back PUBACK until the handler has settled', async () => {
    const port = await freePort();
    const { aedes } = await testBroker(port);
    let acknowledged = 0;
    aedes.on('ack', () => acknowledged++);
    const connection = client(port);
    await waitFor(() => connection.connected);
    let release = (): void => {};
    let calls = 0;
    await connection.subscribe('a', () => {
      calls++;
      return new Promise<void>((done) => {
        release = done;
      });
    });
    for (let i = 0; i < 2; i++) aedes.publish({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, retain: false, dup: false }, () => {});
    await waitFor(() => calls === 1);
    // Whatever the client sent before this is with the broker when this is.
    const marked = new Promise((done) => aedes.once('publish', done));
    await connection.publish('b', '', { qos: 0 });
    await marked;
    expect({ calls, acknowledged }).toEqual({ calls: 1, acknowledged: 0 });
    release();
    await waitFor(() => calls === 2 && acknowledged === 1);
    release();
    await waitFor(() => acknowledged === 2);
  });

  it('survives a handler that throws', async () => {
    const port = await freePort();
    await testBroker(port);
    const logger = recorder();
    const connection = client(port, { logger });
    const got: string[] = [];
    await connection.subscribe('a', () => {
      throw new Error('broken handler');
    });
    await connection.subscribe('#', ({ topic }) => {
      got.push(topic);
    });
    await waitFor(() => connection.connected);
    await connection.publish('a', '1', { qos: 0 });
    await connection.publish('b', '2', { qos: 0 });
    await waitFor(() => got.includes('b'));
    expect(got).toContain('a');
    expect(logger.entries.some(({ level }) => level === 'error')).toBe(true);
  });

  it('rejects a subscription that the broker refuses, and keeps the rest', async () => {
    const port = await freePort();
    await testBroker(port, {
      authorizeSubscribe: (_client, subscription, done) => done(null, subscription.topic === 'no' ? null : subscription),
    });
    const connection = client(port);
    await waitFor(() => connection.connected);
    await expect(connection.subscribe('no', () => {})).rejects.toMatchObject({ code: 'refused' });
    const got: string[] = [];
    const stop = await connection.subscribe('yes', ({ topic }) => {
      got.push(topic);
    });
    await connection.publish('yes', '', { qos: 1 });
    await waitFor(() => got.length === 1);
    await stop();
    await connection.publish('yes', '', { qos: 1 });
    await connection.subscribe('after', ({ topic }) => {
      got.push(topic);
    });
    await connection.publish('after', '', { qos: 1 });
    await waitFor(() => got.includes('after'));
    expect(got).toEqual(['yes', 'after']);
  });

  it('ends with DISCONNECT, so that only a lost connection sends the will', async () => {
    const port = await freePort();
    const { aedes, sockets } = await testBroker(port);
    const wills: string[] = [];
    aedes.on('publish', ({ topic, payload }) => {
      if (topic === 'will') wills.push(payload.toString());
    });
    const will = { topic: 'will', qos: 1, retain: false } as const;
    const polite = client(port, { clientId: 'polite', will: { ...will, payload: 'polite' } });
    await waitFor(() => polite.connected);
    await polite.close();
    const lost = client(port, { clientId: 'lost', will: { ...will, payload: 'lost' } });
    await waitFor(() => lost.connected);
    for (const socket of sockets) socket.destroy();
    await waitFor(() => wills.length > 0);
    expect(wills).toEqual(['lost']);
    await expect(polite.publish('a', '', { qos: 0 })).rejects.toMatchObject({ code: 'closed' });
  });

  it('reaches a broker at an IPv6 literal', async () => {
    const port = await freePort();
    await testBroker(port, {}, '::1');
    const connection = client(port, { url: `mqtt://[::1]:${port}` });
    await waitFor(() => connection.connected);
    expect(connection.connected).toBe(true);
  });
});

describe('reconnectDelay', () => {
  it('lies between the minimum and a bound that doubles up to the maximum', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (attempt, random) => {
        const delay = reconnectDelay(attempt, 1000, 60_000, () => random);
        expect(delay).toBeGreaterThanOrEqual(1000);
        expect(delay).toBeLessThanOrEqual(Math.min(60_000, 1000 * 2 ** (attempt + 1)));
      }),
    );
    expect(reconnectDelay(20, 1000, 60_000, () => 0)).toBe(1000);
    expect(reconnectDelay(20, 1000, 60_000, () => 0.999999)).toBeGreaterThan(59_000);
  });
});
