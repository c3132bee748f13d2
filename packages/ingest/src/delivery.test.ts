import { join } from 'node:path';
import { startBroker } from '@hostwire/broker';
import type { Ack } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { openEmbeddedStore, openInfluxStore, StoreError } from '@hostwire/store';
import { startInfluxd, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt, createMqttBus, type MqttClient, type MqttClientOptions } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encode, makeSample, NOW, type Rig, rig, topics } from './ingest.testkit.ts';
import type { IngestOptions } from './ingest.ts';
import { testJournal } from './journal.testkit.ts';
import { subscribeIngest } from './subscribe-ingest.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

function client(url: string, options: Partial<MqttClientOptions> = {}): MqttClient {
  const made = connectMqtt({ url, clientId: 'pve1', logger, minDelayMs: 50, maxDelayMs: 100, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** An agent's side: what it was told is durable. */
async function acknowledged(agent: MqttClient): Promise<Set<number>> {
  const seqs = new Set<number>();
  await agent.subscribe(topics.ack('pve1'), ({ payload }) => {
    const ack = JSON.parse(Buffer.from(payload).toString()) as Ack;
    for (const [from, to] of ack.seqs ?? []) for (let seq = from; seq <= to; seq++) seqs.add(seq);
  });
  await waitFor(() => agent.connected);
  return seqs;
}

describe('through the embedded broker', () => {
  async function embedded(options: Partial<IngestOptions> = {}): Promise<{ made: Rig; agent: MqttClient }> {
    const registry = await openRegistry({ file: join(tempDir(), 'registry.db') });
    const { token } = await registry.hosts.add('pve1');
    let made: Rig | undefined;
    const broker = await startBroker({
      registry,
      topics,
      host: '127.0.0.1',
      port: 0,
      logger,
      onPublish: (message) => made?.ingest.accept(message) ?? Promise.reject(new Error('not ready')),
    });
    const bus = broker.bus();
    made = rig({ bus, ...options });
    onTestFinished(async () => {
      await broker.close();
      await registry.close();
    });
    return { made, agent: client(`mqtt://127.0.0.1:${broker.port}`, { username: 'pve1', password: token }) };
  }

  it('PUBACK and ack follow the commit', async () => {
    const { made, agent } = await embedded();
    const durable = await acknowledged(agent);
    const release = made.store.hold();
    let published = 0;
    const all = [1, 2, 3].map((seq) =>
      agent
        .publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq, time: made.clock })), { qos: 1, retain: true })
        .then(() => published++),
    );
    await waitFor(() => made.store.writes.length === 1);
    await new Promise((done) => setTimeout(done, 50));
    expect({ published, durable: durable.size }).toEqual({ published: 0, durable: 0 });
    release();
    await Promise.all(all);
    await waitFor(() => durable.size === 3);
    expect(made.store.commits.flat()).toHaveLength(3);
  });

  it('a store that fails means no PUBACK and no ack, and the sample arrives when it is sent again', async () => {
    const { made, agent } = await embedded();
    const durable = await acknowledged(agent);
    made.store.fail = () => new StoreError('unavailable', 'disk full');
    const publish = (): Promise<void> =>
      agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq: 5, time: made.clock })), { qos: 1 });
    await expect(publish()).rejects.toMatchObject({ code: 'offline' });
    made.store.fail = null;
    await waitFor(() => agent.connected);
    expect(durable.size).toBe(0);
    await publish();
    await waitFor(() => durable.has(5));
  });

  it('what was acknowledged is in the embedded store, once, however often it came', async () => {
    const store = await openEmbeddedStore({ directory: join(tempDir(), 'series') });
    onTestFinished(() => store.close());
    const { made, agent } = await embedded({ store });
    const durable = await acknowledged(agent);
    for (const seq of [1, 2, 3, 2, 1]) {
      const sample = makeSample({
        seq,
        time: made.clock + seq,
        data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: seq } }] },
      });
      await agent.publish(topics.sample('pve1', 'fast'), encode(sample), { qos: 1 });
    }
    await waitFor(() => durable.size === 3);
    const { results } = await store.query('SELECT usage_active, host, cpu FROM cpu', { database: 'hostwire', epoch: 'ms' });
    expect(results[0]?.series?.[0]?.values).toEqual([1, 2, 3].map((seq) => [made.clock + seq, seq, 'pve1', 'cpu-total']));
  });

  it('a message that is no sample is acknowledged and harms nobody', async () => {
    const { made, agent } = await embedded();
    const durable = await acknowledged(agent);
    await agent.publish(topics.sample('pve1', 'fast'), '{"broken', { qos: 1 });
    await agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq: 6, time: made.clock })), { qos: 1 });
    await waitFor(() => durable.has(6));
    expect(made.counters.get('ingest_invalid_total{reason="json"}')).toBe(1);
  });
});

systemSuite(['mosquitto'], 'through Mosquitto', () => {
  async function mosquitto(): Promise<string> {
    const broker = await startMosquitto();
    onTestFinished(() => broker.stop());
    return broker.url;
  }

  it('ack follows the commit, PUBACK to the broker follows the place in the bounded queue', async () => {
    const url = await mosquitto();
    const server = client(url, { clientId: 'hostwire-ingest' });
    const made = rig({ bus: createMqttBus(server), maxQueueBytes: encode(makeSample()).length * 2 });
    await subscribeIngest(server, made.ingest, { topics, logger, filter: '$share/ingest/hostwire/v1/+/sample/+' });
    await waitFor(() => server.connected);
    const agent = client(url);
    const durable = await acknowledged(agent);
    const release = made.store.hold();
    for (let seq = 1; seq <= 6; seq++) {
      await agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq, time: made.clock })), { qos: 1 });
    }
    await waitFor(() => made.ingest.room() !== null && made.store.writes.length > 0);
    expect(durable.size).toBe(0);
    release();
    await waitFor(() => durable.size === 6);
    expect(made.store.commits.flat()).toHaveLength(6);
  });

  it('what the broker had retained is not taken for a new sample', async () => {
    const url = await mosquitto();
    const agent = client(url);
    await waitFor(() => agent.connected);
    await agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq: 1 })), { qos: 1, retain: true });
    const server = client(url, { clientId: 'hostwire-ingest' });
    const made = rig({ bus: createMqttBus(server) });
    await subscribeIngest(server, made.ingest, { topics, logger });
    await waitFor(() => server.connected);
    await agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq: 2 })), { qos: 1, retain: true });
    await waitFor(() => made.store.commits.length === 1);
    expect(made.acks).toEqual([]);
    expect(made.counters.get('ingest_samples_total')).toBe(1);
  });
});

systemSuite(['mosquitto', 'influxd'], 'two workers behind Mosquitto, in front of InfluxDB', () => {
  it('acknowledge while InfluxDB is away, and bring everything into it, once', async () => {
    const [mosquitto, influxd] = await Promise.all([startMosquitto(), startInfluxd()]);
    onTestFinished(async () => {
      await mosquitto.stop();
      await influxd.stop();
    });
    const workers: Rig[] = [];
    for (const name of ['one', 'two']) {
      const server = client(mosquitto.url, { clientId: `hostwire-ingest-${name}` });
      const store = openInfluxStore({ url: influxd.url, database: 'hostwire' });
      onTestFinished(() => store.close());
      const made = rig({ store, journal: await testJournal(), bus: createMqttBus(server), backoff: { minMs: 20, maxMs: 100 } });
      workers.push(made);
      await subscribeIngest(server, made.ingest, { topics, logger, filter: '$share/ingest/hostwire/v1/+/sample/+' });
      await waitFor(() => server.connected);
    }
    const agent = client(mosquitto.url);
    const durable = await acknowledged(agent);
    const publish = async (from: number, to: number): Promise<void> => {
      for (let seq = from; seq <= to; seq++)
        await agent.publish(topics.sample('pve1', 'fast'), encode(makeSample({ seq, time: NOW + seq })), { qos: 1 });
    };
    await publish(1, 100);
    await influxd.kill();
    await publish(101, 200);
    await waitFor(() => durable.size === 200);
    await influxd.restart();
    const reader = openInfluxStore({ url: influxd.url, database: 'hostwire' });
    const count = async (): Promise<unknown> => {
      const { results } = await reader.query('SELECT count(usage_active) FROM cpu', { database: 'hostwire', epoch: 'ms' });
      return results[0]?.series?.[0]?.values[0]?.[1];
    };
    await waitFor(async () => (await count()) === 200);
    await reader.close();
    const shares = workers.map(({ counters }) => counters.get('ingest_samples_total'));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(200);
    expect(Math.min(...shares)).toBeGreaterThan(0);
  });
});

it('of two agents with one name the newer one is told to idle, the older one is not', async () => {
  const made = rig();
  const conflicts = (): unknown[] => made.acks.filter(({ ack }) => ack.conflict === true).map(({ ack }) => ack.run);
  const connects = (run: string): void => {
    made.clock += 1000;
    made.ingest.heardInfo({ topic: topics.info('pve1'), payload: Buffer.from(JSON.stringify({ run })), receivedAt: made.clock });
  };
  connects('older');
  await made.accept(makeSample({ run: 'older', time: made.clock }));
  connects('newer');
  await made.accept(makeSample({ run: 'newer', time: made.clock }));
  expect(conflicts()).toEqual([]);
  connects('older');
  expect(conflicts()).toEqual(['newer']);
  await made.accept(makeSample({ run: 'newer', seq: 2, time: made.clock }));
  await made.accept(makeSample({ run: 'newer', seq: 3, time: made.clock, backfill: true }));
  expect(conflicts()).toEqual(['newer', 'newer']);
  expect(made.counters.get('ingest_conflicts_total')).toBe(2);
  expect(made.store.commits.flat()).toHaveLength(4);
});
