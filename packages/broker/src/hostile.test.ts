import { connect as connectTcp, type Socket } from 'node:net';
import { waitFor } from '@hostwire/testkit';
import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type Rig, rig, topics } from './broker.testkit.ts';
import { usernameOf } from './principal.ts';

/** A socket that ignores what happens to it. */
function socketTo({ broker }: Rig): Socket {
  const socket = connectTcp(broker.port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

const closed = (socket: Socket): Promise<void> => waitFor(() => socket.closed, { what: 'the broker to close the socket' }).then(() => {});

function connectPacket(clientId: string, username: string, password: string, more: Partial<Packet> = {}): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: 60,
    username,
    password: Buffer.from(password),
    ...more,
  } as Packet);
}

const publishPacket = (topic: string, payload: Buffer | string, qos: 0 | 1 | 2 = 1, messageId = 1): Buffer =>
  generate({ cmd: 'publish', topic, payload, qos, messageId, retain: false, dup: false });

/** That the broker still takes a client in and moves its messages. */
async function expectServing(made: Rig): Promise<void> {
  const name = `probe${Math.random().toString(36).slice(2, 8)}`;
  const { token } = await made.registry.hosts.add(name);
  const host = await made.connect(name, token);
  await host.publish(topics.info(name), 'x', { qos: 1 });
  await host.close();
}

describe('a hostile client', () => {
  it('that sends random bytes, half packets and packets out of order cannot crash the broker', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const { token: reader } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const hello = connectPacket('pve1', 'pve1', token);
    const readerHello = connectPacket('x', 'reader', reader);
    const subscribe = (topic: string): Buffer => generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] });
    const valid = fc.constantFrom(
      hello,
      readerHello,
      subscribe('hostwire/#'),
      subscribe('a/#/b'),
      subscribe('++'),
      subscribe(`${'/'.repeat(200)}#`),
      generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['#', 'x'] }),
      generate({ cmd: 'pingreq' }),
      generate({ cmd: 'puback', messageId: 77 }),
      generate({ cmd: 'pubrel', messageId: 78 }),
      generate({ cmd: 'pubcomp', messageId: 79 }),
      generate({ cmd: 'pubrec', messageId: 80 }),
      generate({ cmd: 'disconnect' }),
      publishPacket(topics.sample('pve1', 'fast'), '{}', 2, 9),
      publishPacket(topics.info('pve1'), 'x', 1),
      publishPacket(`hostwire/v1/pve1/${'/'.repeat(300)}`, 'x', 0),
    );
    const piece = fc.oneof(
      valid,
      fc.tuple(valid, fc.nat(40)).map(([bytes, end]) => bytes.subarray(0, end)),
      fc.tuple(valid, fc.nat(200), fc.nat(255)).map(([bytes, at, value]) => {
        const broken = Buffer.from(bytes);
        broken[at % broken.length] = value;
        return broken;
      }),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    const scripts = fc.sample(fc.tuple(fc.boolean(), fc.array(piece, { maxLength: 8 })), { numRuns: 300, seed: 7 });
    for (let at = 0; at < scripts.length; at += 50) {
      await Promise.all(
        scripts.slice(at, at + 50).map(async ([authenticated, pieces]) => {
          const socket = socketTo(made);
          socket.resume();
          if (authenticated) socket.write(hello);
          for (const bytes of pieces) socket.write(bytes);
          await new Promise((done) => setTimeout(done, 30));
          socket.destroy();
        }),
      );
    }
    await expectServing(made);
    await waitFor(() => made.broker.stats().clients === 0 && made.broker.stats().pending === 0);
  });

  it('is cut off at 4 KiB before it has authenticated, and at 300 KiB after', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const stranger = socketTo(made);
    // The header of a CONNECT of 100 MB, and as much of it as the broker takes.
    stranger.write(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x30]));
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      if (!stranger.destroyed) stranger.write(chunk, () => setImmediate(more));
    };
    more();
    await closed(stranger);
    expect(stranger.bytesWritten).toBeLessThan(20 * 1024 * 1024);
    expect(made.refused('oversized')).toBe(1);

    const host = await made.connect('pve1', token);
    await host.publish(topics.info('pve1'), Buffer.alloc(256 * 1024), { qos: 1 });
    await expect(host.publish(topics.info('pve1'), Buffer.alloc(300 * 1024), { qos: 1 })).rejects.toMatchObject({ code: 'offline' });
    expect(made.refused('oversized')).toBe(2);
    await expectServing(made);
  });

  it('is cut off at the same size over WebSocket', async () => {
    const made = await rig({ wsPort: 0 });
    const socket = new WebSocket(`ws://127.0.0.1:${made.broker.wsPort}/mqtt`, 'mqtt');
    onTestFinished(() => socket.terminate());
    socket.on('error', () => {});
    await new Promise((done) => socket.once('open', done));
    socket.send(Buffer.alloc(300 * 1024));
    await waitFor(() => socket.readyState === WebSocket.CLOSED);
    expect(made.refused('oversized')).toBe(1);
    await expectServing(made);
  });

  it('is cut off when it sends one message in a thousand pieces', async () => {
    const made = await rig({ wsPort: 0 });
    const socket = new WebSocket(`ws://127.0.0.1:${made.broker.wsPort}/mqtt`, 'mqtt');
    onTestFinished(() => socket.terminate());
    socket.on('error', () => {});
    await new Promise((done) => socket.once('open', done));
    for (let i = 0; i < 1000; i++) socket.send('x', { binary: true, fin: false });
    await waitFor(() => socket.readyState === WebSocket.CLOSED);
    expect(made.refused('timeout')).toBe(0);
  });

  it('that says nothing loses its place, and does not take the places of others', async () => {
    const made = await rig({ limits: { connectTimeoutMs: 400, maxPendingPerAddress: 5 } });
    const silent = Array.from({ length: 8 }, () => socketTo(made));
    await waitFor(() => made.refused('too-many-connections') === 3);
    // A byte now and then is no reason to wait longer.
    for (const socket of silent) socket.write(Buffer.from([0x10]));
    await Promise.all(silent.map(closed));
    expect(made.refused('timeout')).toBe(5);
    expect(made.broker.stats().pending).toBe(0);
    await expectServing(made);
  });

  it('that says nothing, in whatever numbers, does not keep a host out that connects from the same address', async () => {
    for (const limits of [{ maxPendingPerAddress: 5 }, { maxPending: 5 }]) {
      const made = await rig({ limits });
      const { token } = await made.registry.hosts.add('pve1');
      const silent = Array.from({ length: 8 }, () => socketTo(made));
      await waitFor(() => made.refused('too-many-connections') === 3);
      // Those that have waited longest have gone.
      await Promise.all(silent.slice(0, 3).map(closed));
      const host = await made.connect('pve1', token);
      await host.publish(topics.info('pve1'), 'x', { qos: 1 });
      expect(made.refused('too-many-connections')).toBe(4);
      expect(made.refused('timeout')).toBe(0);
      expect(made.broker.stats().pending).toBe(4);
    }
  });

  it('that is cut off for what it sent is counted, and who leaves by itself is not', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const hello = connectPacket('pve1', 'pve1', token);
    const bad = [
      [Buffer.from([0xf0, 0])],
      [generate({ cmd: 'pingreq' })],
      [connectPacket('pve1', 'pve1', token, { protocolVersion: 5 } as Partial<Packet>)],
      [hello, hello],
      [hello, generate({ cmd: 'pingresp' })],
      [hello, publishPacket('', 'x')],
      [hello, Buffer.from([0x36, 2, 0, 0])],
    ];
    for (const [index, packets] of bad.entries()) {
      const socket = socketTo(made);
      socket.resume();
      for (const packet of packets) socket.write(packet);
      await closed(socket);
      expect(made.refused('protocol')).toBe(index + 1);
    }
    for (const leave of [
      (socket: Socket) => socket.end(),
      (socket: Socket) => socket.resetAndDestroy(),
      (socket: Socket) => socket.write(generate({ cmd: 'disconnect' })),
      // It connects again, and that connection takes over.
      () => undefined,
    ]) {
      const socket = socketTo(made);
      socket.resume();
      socket.write(hello);
      await waitFor(() => made.broker.stats().clients === 1);
      leave(socket);
      const next = socketTo(made);
      next.write(hello);
      await Promise.all([closed(socket), new Promise((done) => next.once('data', done))]);
      next.end(generate({ cmd: 'disconnect' }));
      await waitFor(() => made.broker.stats().clients === 0);
    }
    expect(made.refused('protocol')).toBe(bad.length);
  });

  it('that is silent for longer than it said is counted', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const socket = socketTo(made);
    socket.resume();
    socket.write(connectPacket('pve1', 'pve1', token, { keepalive: 1 } as Partial<Packet>));
    await closed(socket);
    expect(made.refused('keepalive')).toBe(1);
    expect(made.refused('protocol')).toBe(0);
  });

  it('that does not read is dropped and holds nobody up', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const { token: reader } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const stalled = socketTo(made);
    stalled.pause();
    stalled.write(connectPacket('stalled', 'reader', reader));
    stalled.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hostwire/#', qos: 1 }] }));
    await waitFor(() => made.broker.stats().clients === 1);
    const other = await made.connect('reader', reader);
    let got = 0;
    await other.subscribe('hostwire/#', () => {
      got++;
    });
    const host = await made.connect('pve1', token);
    const payload = Buffer.alloc(200 * 1024);
    let sent = 0;
    while (made.refused('slow') === 0 && sent < 500) {
      await host.publish(topics.info('pve1'), payload, { qos: 1 });
      sent++;
      // The one that reads has had everything, at each moment.
      await waitFor(() => got === sent);
    }
    expect(made.refused('slow')).toBe(1);
    await waitFor(() => made.broker.stats().hosts.length === 1 && made.broker.stats().clients === 2);
  });

  it('whose messages cost much computing waits, and the others do not', async () => {
    const order: string[] = [];
    const made = await rig({
      async onPublish(_message, principal) {
        const name = usernameOf(principal);
        order.push(name);
        if (name !== 'costly') return;
        const end = performance.now() + 150;
        while (performance.now() < end);
      },
    });
    const { token } = await made.registry.hosts.add('costly');
    const { token: other } = await made.registry.hosts.add('pve1');
    const host = await made.connect('pve1', other);
    const costly = socketTo(made);
    costly.write(connectPacket('costly', 'costly', token));
    await waitFor(() => made.broker.stats().clients === 2);
    costly.write(Buffer.concat(Array.from({ length: 20 }, (_, id) => publishPacket(topics.sample('costly', 'fast'), '{}', 1, id + 1))));
    await waitFor(() => order.length > 0);
    await host.publish(topics.sample('pve1', 'fast'), '{}', { qos: 1 });
    expect(order.at(-1)).toBe('pve1');
    expect(order.length).toBeLessThan(15);
    // It is slow, not refused.
    const before = order.length;
    await waitFor(() => order.length > before);
  });

  it('whose messages cost much computing has no more of it together with others of its kind', async () => {
    let spent = 0;
    const made = await rig({
      async onPublish() {
        const end = performance.now() + 20;
        while (performance.now() < end);
        spent += 20;
      },
    });
    const names = Array.from({ length: 5 }, (_, i) => `costly${i}`);
    for (const name of names) {
      const { token } = await made.registry.hosts.add(name);
      const socket = socketTo(made);
      socket.write(connectPacket(name, name, token));
      await new Promise((done) => socket.once('data', done));
      socket.resume();
      const flood = Array.from({ length: 500 }, (_, id) => publishPacket(topics.sample(name, 'fast'), '{}', 1, id + 1));
      socket.write(Buffer.concat(flood));
    }
    // Each has a burst first.
    await waitFor(() => spent > names.length * 250);
    const [began, from] = [performance.now(), spent];
    await new Promise((done) => setTimeout(done, 2000));
    expect((spent - from) / (performance.now() - began)).toBeLessThan(0.65);
  });

  it('that does read is not dropped when one commit brings the samples of a whole fleet', async () => {
    const made = await rig();
    const { token: reader } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const program = await made.connect('reader', reader);
    let got = 0;
    await program.subscribe('hostwire/#', () => {
      got++;
    });
    const bus = made.broker.bus();
    const payload = Buffer.alloc(4000);
    await Promise.all(Array.from({ length: 1500 }, (_, i) => bus.publish(topics.sample(`host${i}`, 'fast'), payload, { qos: 1 })));
    await waitFor(() => got === 1500);
    expect(made.refused('slow')).toBe(0);
  });

  it('with little to say gets all retained messages, however many they are', async () => {
    const made = await rig();
    const { token: reader } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const bus = made.broker.bus();
    const payload = Buffer.alloc(50_000);
    for (let i = 0; i < 200; i++) await bus.publish(topics.info(`host${i}`), payload, { qos: 1, retain: true });
    const program = await made.connect('reader', reader);
    const seen = new Set<string>();
    await program.subscribe('hostwire/#', async ({ topic }) => {
      seen.add(topic);
      if (seen.size % 50 === 0) await new Promise((done) => setTimeout(done, 50));
    });
    await waitFor(() => seen.size === 200);
    expect(made.refused('slow')).toBe(0);
  });

  it('that asks for a kept session gets a clean one, and none without a client id', async () => {
    const made = await rig();
    const { token } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const answer = async (packet: Buffer): Promise<number[]> => {
      const socket = socketTo(made);
      socket.write(packet);
      const bytes = await new Promise<Buffer>((done) => socket.once('data', done));
      return [...bytes.subarray(0, 4)];
    };
    // The flag of a clean session is bit 1 of the byte behind the protocol's name and level.
    const unclean = connectPacket('', 'reader', token);
    unclean[9] = (unclean[9] ?? 0) & ~2;
    expect(await answer(unclean)).toEqual([0x20, 2, 0, 2]);
    expect(await answer(connectPacket('', 'reader', token))).toEqual([0x20, 2, 0, 0]);
    expect(await answer(connectPacket('kept', 'reader', token, { clean: false }))).toEqual([0x20, 2, 0, 0]);
    expect(await answer(connectPacket('kept', 'reader', token, { clean: false }))).toEqual([0x20, 2, 0, 0]);
    expect(await answer(connectPacket('\0', 'reader', token))).toEqual([0x20, 2, 0, 5]);
    expect(await answer(connectPacket('x'.repeat(3000), 'reader', token))).toEqual([0x20, 2, 0, 5]);
  });
});
