import { encodeSample, type Sample, type Topics, topics } from '@hostwire/model';
import type { Scope } from '@hostwire/registry';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt, type MqttClient } from '@hostwire/transport';
import { onTestFinished } from 'vitest';
import type { LiveSocketOptions } from './api/live-socket.ts';
import { loadConfig, type ServerOptions } from './config/load-config.ts';
import { type RunningServer, startServer } from './server.ts';

export const silent = createLogger({ name: 'test', level: 'silent' });

/** A whole server on free ports and an empty directory, stopped when the test ends. */
export async function testServer(options: ServerOptions = {}, socket: LiveSocketOptions = {}): Promise<TestServer> {
  const config = loadConfig({ dataDir: tempDir(), port: 0, mqttPort: 0, mqttsPort: 0, influxPort: 0, ...options }, {});
  const server = await startServer({ config, logger: silent, socket: { batchMs: 50, checkMs: 200, ...socket } });
  onTestFinished(() => server.close());
  return new TestServer(server);
}

export class TestServer {
  readonly server: RunningServer;
  readonly url: string;

  constructor(server: RunningServer) {
    this.server = server;
    this.url = `http://127.0.0.1:${server.ports.http}`;
  }

  /** The header of a new token with this scope. */
  async bearer(scope: Scope): Promise<{ authorization: string }> {
    const { token } = await this.server.registry.tokens.add(`t${Math.random().toString(36).slice(2)}`, [scope]);
    return { authorization: `Bearer ${token}` };
  }

  /** Logs in with a one-time link; the header of the session's cookie. */
  async cookie(): Promise<{ cookie: string }> {
    const { code } = await this.server.registry.logins.createLink(60_000);
    const answer = await this.post('/api/login', { code });
    return { cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { headers, redirect: 'manual' });
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Enrols a host and connects as its agent. */
  async host(name: string): Promise<TestHost> {
    const { token } = await this.server.registry.hosts.add(name);
    await waitFor(() => this.server.live.get(name), { what: 'the new host' });
    const client = connectMqtt({
      url: `mqtt://127.0.0.1:${this.server.ports.mqtt}`,
      clientId: name,
      username: name,
      password: token,
      will: { topic: topics().status(name), payload: 'offline', qos: 1, retain: true },
      logger: silent,
    });
    onTestFinished(() => client.close());
    await waitFor(() => client.connected, { what: 'the connection of the host' });
    return new TestHost(name, client);
  }
}

/** An agent in a few lines: a publish resolves at its PUBACK, which means stored. */
export class TestHost {
  readonly name: string;
  readonly client: MqttClient;
  readonly #topics: Topics = topics();
  #seq = 0;

  constructor(name: string, client: MqttClient) {
    this.name = name;
    this.client = client;
  }

  status(status: 'online' | 'offline'): Promise<void> {
    return this.client.publish(this.#topics.status(this.name), status, { qos: 1, retain: true });
  }

  async send(data: Sample['data'], change: Partial<Sample> = {}): Promise<Sample> {
    const seq = ++this.#seq;
    const sample: Sample = {
      v: 1,
      host: this.name,
      tier: 'fast',
      run: 'r1',
      seq,
      time: Date.now(),
      interval: 5,
      catalog: '',
      data,
      ...change,
    };
    await this.client.publish(this.#topics.sample(this.name, sample.tier), encodeSample(sample), {
      qos: 1,
      retain: sample.backfill !== true,
    });
    return sample;
  }
}
