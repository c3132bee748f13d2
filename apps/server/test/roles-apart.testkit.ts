import { encodeSample, type Sample, topics } from '@hostwire/model';
import { waitFor } from '@hostwire/testkit';
import { connectMqtt, type MqttClient } from '@hostwire/transport';
import { onTestFinished } from 'vitest';
import { loadConfig, type ServerOptions } from '../src/config/load-config.ts';
import { silent, TestServer } from '../src/server.testkit.ts';
import { type RunningServer, startServer } from '../src/server.ts';

/** One process of a server, in this one: with ports, clients and state of its own. */
export async function part(options: ServerOptions): Promise<RunningServer> {
  const config = loadConfig({ port: 0, mqttPort: 0, influxPort: 0, ...options }, {});
  const server = await startServer({ config, logger: silent, socket: { batchMs: 50, checkMs: 200 } });
  onTestFinished(() => server.close());
  return server;
}

/** All roles of one server, each apart, on one data directory or more. */
export async function apart(dataDir: string, options: ServerOptions = {}, roles = ['broker', 'ingest', 'alerts', 'api']) {
  const parts = new Map<string, RunningServer>();
  // The first ones keep the addresses that the others look for, but any order must do.
  await Promise.all(roles.map(async (role) => parts.set(role, await part({ dataDir, roles: role, ...options }))));
  const get = (role: string): RunningServer => {
    const found = parts.get(role);
    if (found === undefined) throw new Error(`no ${role}`);
    return found;
  };
  return { get, api: new TestServer(get('api')) };
}

/** An agent of a few lines, told apart from others by its run. */
export async function agent(url: string, host: string, token: string, run = 'r1'): Promise<TestAgent> {
  const client = connectMqtt({
    ...{ url, clientId: host, username: host, password: token, logger: silent },
    will: { topic: topics().status(host), payload: 'offline', qos: 1, retain: true },
    ...{ minDelayMs: 50, maxDelayMs: 200 },
  });
  onTestFinished(() => client.close());
  await waitFor(() => client.connected, { what: `the connection of ${host}` });
  const made = new TestAgent(client, host, run);
  await client.subscribe(topics().ack(host), ({ payload }) => {
    made.acks.push(JSON.parse(Buffer.from(payload).toString()) as (typeof made.acks)[number]);
  });
  return made;
}

export class TestAgent {
  readonly client: MqttClient;
  readonly acks: { readonly run: string; readonly seqs?: [number, number][]; readonly conflict?: boolean }[] = [];
  readonly host: string;
  readonly run: string;
  #seq = 0;

  constructor(client: MqttClient, host: string, run: string) {
    this.client = client;
    this.host = host;
    this.run = run;
  }

  /** Every seq that an ack named. */
  acknowledged(): Set<number> {
    const seqs = new Set<number>();
    for (const ack of this.acks) {
      for (const [from, to] of ack.run === this.run ? (ack.seqs ?? []) : []) for (let seq = from; seq <= to; seq++) seqs.add(seq);
    }
    return seqs;
  }

  async send(data: Sample['data'], change: Partial<Sample> = {}): Promise<void> {
    const seq = ++this.#seq;
    const sample: Sample = {
      ...{ v: 1, host: this.host, tier: 'fast', run: this.run, seq, time: Date.now(), interval: 5, catalog: '' },
      data: { ...data, agent: [{ tags: { tier: 'fast' }, fields: { run: this.run, seq } }] },
      ...change,
    };
    await this.client.publish(topics().sample(this.host, sample.tier), encodeSample(sample), { qos: 1, retain: true });
  }
}

export const cpu = (usage: number): Sample['data'] => ({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: usage } }] });

export const HOT_CPU =
  '[[rule]]\nname = "hot_cpu"\nseverity = "warning"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage_active"\nwhere = { cpu = "cpu-total" }\nthreshold = 90\nsummary = "cpu {value}"\n';
