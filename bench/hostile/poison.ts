import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { topics as makeTopics } from '@hostwire/model';
import { generate } from 'mqtt-packet';
import { connectPacket } from './mutate-packet.ts';
import type { Host } from './server-under-test.ts';

const topics = makeTopics();

/** Payloads of which none is a sample of `host`, each for another reason. */
export function poison(host: string): Buffer[] {
  const sample = { v: 1, host, tier: 'fast', run: 'poison', seq: 1, time: Date.now(), interval: 10, catalog: '', data: {} };
  const zipped = gzipSync(JSON.stringify(sample));
  return [
    Buffer.from('not JSON'),
    Buffer.from('{"v":1'),
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('[]'),
    Buffer.from('null'),
    Buffer.from(JSON.stringify({ ...sample, v: 2 })),
    Buffer.from(JSON.stringify({ ...sample, seq: 0 })),
    Buffer.from(JSON.stringify({ ...sample, host: 'another' })),
    Buffer.from(JSON.stringify({ ...sample, tier: 'slow' })),
    Buffer.from(JSON.stringify({ ...sample, data: { cpu: [{ fields: {} }] } })),
    Buffer.from(JSON.stringify({ ...sample, data: { cpu: [{ tags: { cpu: '' }, fields: { usage_active: null } }] } })),
    Buffer.from(JSON.stringify(sample).replace('"interval":10', '"interval":1e999')),
    Buffer.from(`${'['.repeat(2000)}${']'.repeat(2000)}`),
    zipped.subarray(0, zipped.length - 9),
    Buffer.concat([zipped.subarray(0, 20), Buffer.alloc(20, 0x55)]),
    // A bomb: 32 KB that want to be 32 MB.
    gzipSync(Buffer.alloc(32 * 1024 * 1024, 0x20)),
  ];
}

export interface FloodOptions {
  readonly port: number;
  readonly host: Host;
  /** Invalid messages per second; without it as many as the broker takes from the socket. */
  readonly rate?: number;
  readonly signal: AbortSignal;
}

const TICK_MS = 5;
/** Messages that are written at once, if they are due. */
const BURST = 1024;
/** CONNACK and PUBACK have the same length. */
const ANSWER_BYTES = 4;

/** Publishes nothing but invalid samples with QoS 1 until it is told to stop, and waits for no PUBACK. */
export async function floodWithPoison({ port, host, rate = Number.POSITIVE_INFINITY, signal }: FloodOptions): Promise<{
  readonly sent: number;
  readonly pubacked: number;
}> {
  const messages = floodOf(host.id);
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = 0;
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    received += bytes.length;
  });
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  const happens = (event: 'data' | 'drain'): Promise<void> =>
    Promise.race([closed, new Promise<void>((done) => socket.once(event, () => done()))]);
  socket.write(connectPacket(host.id, host.id, host.token));
  await happens('data');
  const began = performance.now();
  let sent = 0;
  while (!signal.aborted && !socket.destroyed) {
    const due = Math.min(BURST, ((performance.now() - began) / 1000) * rate - sent);
    const batch: Buffer[] = [];
    for (let i = 0; i < due; i++) batch.push(messages[(sent + i) % messages.length] ?? Buffer.alloc(0));
    sent += batch.length;
    if (batch.length > 0 && !socket.write(Buffer.concat(batch))) await happens('drain');
    else await sleep(TICK_MS);
  }
  socket.resetAndDestroy();
  return { sent, pubacked: (received - ANSWER_BYTES) / ANSWER_BYTES };
}

function floodOf(host: string): Buffer[] {
  const bodies = poison(host);
  return Array.from({ length: bodies.length * 8 }, (_, i) =>
    generate({
      cmd: 'publish',
      topic: topics.sample(host, 'fast'),
      // The bomb, which is the last, only once: or it would be the whole cost.
      payload: bodies[i % (i < bodies.length ? bodies.length : bodies.length - 1)] ?? '',
      qos: 1,
      messageId: i + 1,
      retain: false,
      dup: false,
    }),
  );
}
