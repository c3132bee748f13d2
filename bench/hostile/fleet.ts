import { topics as makeTopics, newRunId } from '@hostwire/model';
import { MqttConnection } from '../load/mqtt-connection.ts';
import { simulatedHost } from '../simulated-host.ts';
import type { Host } from './server-under-test.ts';

const topics = makeTopics();
/** An agent waits a random time before it tries again; this fleet is less patient. */
const RETRY_MS = 500;

/** Many hosts of one address, each with one connection at a time. */
export class Fleet {
  readonly #port: number;
  readonly #hosts: readonly Host[];
  readonly #connections = new Set<MqttConnection>();
  attempts = 0;

  constructor(port: number, hosts: readonly Host[]) {
    this.#port = port;
    this.#hosts = hosts;
  }

  /**
   * Connects all at once, each again and again until the broker takes it, subscribes, publishes one sample and waits until
   * the server acknowledges it. Resolves with the time that each took, in milliseconds, in order. Throws if `limitMs` is not enough.
   */
  async connect(limitMs: number): Promise<number[]> {
    const began = performance.now();
    let back = 0;
    const took = this.#hosts.map(async (host) => {
      await this.#deliver(host, began + limitMs);
      back++;
      return performance.now() - began;
    });
    try {
      return (await Promise.all(took)).sort((a, b) => a - b);
    } catch (cause) {
      throw new Error(`${back} of ${this.#hosts.length} hosts were back within ${limitMs} ms`, { cause });
    }
  }

  /** Ends all connections as a power cut would: nothing is said. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
    this.#connections.clear();
  }

  async #deliver(host: Host, until: number): Promise<void> {
    const sample = simulatedHost(host.id, { run: newRunId() }).next(Date.now());
    for (;;) {
      if (performance.now() > until) throw new Error(`${host.id} is not back`);
      this.attempts++;
      if (await this.#attempt(host, Buffer.from(JSON.stringify(sample))).catch(() => false)) return;
      await new Promise((done) => setTimeout(done, Math.random() * RETRY_MS));
    }
  }

  async #attempt({ id, token }: Host, payload: Buffer): Promise<boolean> {
    let settle: (delivered: boolean) => void = () => undefined;
    const delivered = new Promise<boolean>((done) => {
      settle = done;
    });
    const will = { topic: topics.status(id), payload: Buffer.from('offline') };
    const connection = await MqttConnection.open(
      { address: '127.0.0.1', port: this.#port, clientId: id, username: id, password: token, will },
      {
        puback: () => undefined,
        message: (topic) => topic === topics.ack(id) && settle(true),
        settled: () => undefined,
        closed: () => settle(false),
      },
    );
    this.#connections.add(connection);
    connection.together(() => {
      connection.subscribe(topics.ack(id));
      connection.publish(topics.status(id), Buffer.from('online'), true);
      connection.publish(topics.sample(id, 'fast'), payload, true);
    });
    return delivered;
  }
}
