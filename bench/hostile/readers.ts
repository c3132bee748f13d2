import { connect, type Socket } from 'node:net';
import { generate, parser } from 'mqtt-packet';
import { WebSocket } from 'ws';
import { Latencies } from '../load/latency.ts';
import { connectPacket } from './mutate-packet.ts';
import type { ServerUnderTest } from './server-under-test.ts';

/** How a reader reads: as fast as it can, a little now and then, or not at all after it has subscribed. */
export type Manner = 'eager' | 'slow' | 'stalled';

/** A program that gets every sample, over MQTT or the API's WebSocket. */
export interface Reader {
  /** Milliseconds from a sample's stamp until it was here, of what came since the last call. */
  latencies(): Latencies;
  readonly closed: boolean;
  end(): void;
}

const SLOW_MS = 100;
/** What a slow one takes every `SLOW_MS`; a fleet sends far more. */
const SLOW_BYTES = 16 * 1024;

class Arrivals {
  #latencies = new Latencies();

  add(time: number): void {
    this.#latencies.add(Math.max(0, Date.now() - time));
  }

  take(): Latencies {
    const taken = this.#latencies;
    this.#latencies = new Latencies();
    return taken;
  }
}

/** Subscribes to all that there is, with a token of scope mqtt:read. */
export async function mqttReader(server: ServerUnderTest, name: string, manner: Manner): Promise<Reader> {
  const { username, password } = server.reader;
  const arrivals = new Arrivals();
  const socket = connect({ port: server.mqttPort, host: '127.0.0.1' });
  const packets = parser({ protocolVersion: 4 });
  socket.on('error', () => undefined);
  const subscribed = new Promise<void>((done, fail) => {
    packets.on('packet', (packet) => {
      if (packet.cmd === 'suback') done();
      else if (packet.cmd === 'publish' && packet.topic.includes('/sample/')) {
        arrivals.add((JSON.parse(packet.payload.toString()) as { time: number }).time);
      }
    });
    socket.once('close', () => fail(new Error(`${name} was not let in`)));
  });
  socket.on('data', (bytes) => packets.parse(bytes));
  socket.write(connectPacket(name, username, password));
  socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hostwire/v1/#', qos: 0 }] }));
  await subscribed;
  restrain(socket, manner);
  return {
    latencies: () => arrivals.take(),
    get closed() {
      return socket.closed;
    },
    end: () => void socket.destroy(),
  };
}

/** Watches `hosts` (at most 50) on /ws, with a token of scope api:read. */
export async function webSocketReader(server: ServerUnderTest, hosts: readonly string[], manner: Manner): Promise<Reader> {
  const arrivals = new Arrivals();
  const socket = new WebSocket(`ws://127.0.0.1:${server.httpPort}/ws`, { headers: server.bearer });
  socket.on('error', () => undefined);
  socket.on('message', (bytes) => {
    const { event, data } = JSON.parse(String(bytes)) as { event: string; data: { time: number } };
    if (event === 'sample') arrivals.add(data.time);
  });
  const opened = new Promise((done) => socket.once('open', done));
  const raw = await new Promise<Socket>((done, fail) => {
    socket.once('upgrade', ({ socket: under }) => done(under));
    socket.once('close', () => fail(new Error('the WebSocket was not let in')));
  });
  await opened;
  socket.send(JSON.stringify({ watch: hosts }));
  restrain(raw, manner);
  return {
    latencies: () => arrivals.take(),
    get closed() {
      return raw.closed;
    },
    end: () => socket.terminate(),
  };
}

function restrain(socket: Socket, manner: Manner): void {
  if (manner === 'eager') return;
  socket.removeAllListeners('data');
  socket.pause();
  if (manner === 'stalled') return;
  const timer = setInterval(() => socket.read(Math.min(SLOW_BYTES, socket.readableLength)), SLOW_MS);
  socket.once('close', () => clearInterval(timer));
}
