import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from '@hostwire/testkit';
import { Aedes, type PublishPacket } from 'aedes';
import { onTestFinished } from 'vitest';

export interface Seen {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  /** Milliseconds, monotonic. */
  readonly at: number;
}

/** A real broker on a port of its own that can be killed and started again; it keeps what clients published. */
export class TestBroker {
  readonly port: number;
  readonly seen: Seen[] = [];
  /** Called for each publication of a client. */
  onPublish: (seen: Seen) => void = () => undefined;
  refuse = false;
  connects = 0;
  #aedes: Aedes | null = null;
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<TestBroker> {
    const broker = new TestBroker(await freePort());
    onTestFinished(() => broker.kill());
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker({
      authenticate: (_client, _user, _password, done) => {
        this.connects++;
        if (this.refuse) done(Object.assign(new Error('refused'), { returnCode: 5 as const }), false);
        else done(null, true);
      },
    });
    aedes.on('publish', (packet, client) => {
      // A will has no client; the broker's own topics begin with $.
      if (client === null && (packet.topic.startsWith('$') || packet.topic.endsWith('/ack'))) return;
      const { topic, payload, retain } = packet;
      const seen = { topic, payload: Buffer.from(payload), retain, at: performance.now() };
      this.seen.push(seen);
      this.onPublish(seen);
    });
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.#aedes = aedes;
    this.#server = server;
  }

  /** Cuts all connections without a word; a broker that is killed sends no will. */
  async kill(): Promise<void> {
    const [aedes, server] = [this.#aedes, this.#server];
    if (aedes === null || server === null) return;
    this.#aedes = null;
    this.#server = null;
    const closed = new Promise((done) => server.close(done));
    this.cut();
    await closed;
    await new Promise<void>((done) => aedes.close(() => done()));
  }

  /** Cuts all connections; the broker goes on, and publishes wills. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  publish(topic: string, payload: string, retain = false): void {
    const packet: PublishPacket = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain, dup: false };
    this.#aedes?.publish(packet, () => undefined);
  }

  /** Payloads under a topic, in order. */
  on(topic: string): Seen[] {
    return this.seen.filter((seen) => seen.topic === topic);
  }
}
