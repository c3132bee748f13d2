import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Sample } from '@hostwire/model';
import { tempDir } from '@hostwire/testkit';
import { Aedes } from 'aedes';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { VALUES_PER_SAMPLE } from '../simulated-host.ts';
import { Latencies } from './latency.ts';
import { readLedger } from './ledger.ts';
import { ConnectRefused } from './mqtt-connection.ts';
import { runLoad } from './run-load.ts';

const hosts = ['sim-0001', 'sim-0002', 'sim-0003'].map((id) => ({ id, token: `token of ${id}` }));

/** A real broker that knows the hosts' tokens; `onSample` sees what was published, before PUBACK. */
async function startBroker(onSample: (sample: Sample, broker: Aedes) => void, port = 0) {
  const broker = await Aedes.createBroker({
    authenticate: (client, username, password, done) =>
      done(null, password?.toString() === `token of ${username}` && client.id === username),
    authorizePublish: (_client, packet, done) => {
      if (packet.topic.includes('/sample/')) onSample(JSON.parse(packet.payload.toString()), broker);
      done(null);
    },
  });
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    broker.handle(socket);
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const address = server.address();
  /** As kill -9 would: the sockets are cut, nothing is said. */
  const kill = async () => {
    for (const socket of sockets) socket.resetAndDestroy();
    await new Promise((done) => server.close(done));
    await new Promise<void>((done) => broker.close(done));
  };
  return { port: typeof address === 'object' && address !== null ? address.port : 0, kill };
}

const ack = (broker: Aedes, { host, run, seq }: Sample) =>
  broker.publish(
    {
      cmd: 'publish',
      topic: `hostwire/v1/${host}/ack`,
      payload: JSON.stringify({ run, seqs: [[seq, seq]], time: Date.now() }),
      qos: 1,
      retain: false,
      dup: false,
    },
    () => {},
  );

describe('runLoad', () => {
  it('publishes each sample once and counts its PUBACK', async () => {
    const seen: Sample[] = [];
    const broker = await startBroker((sample) => seen.push(sample));
    onTestFinished(broker.kill);
    const report = await runLoad({ port: broker.port, hosts, mode: 'puback', samples: 300, inFlight: 5 });
    expect(report).toMatchObject({ samples: 300, published: 300, pubacked: 300, acked: 0, resent: 0, left: 0, reconnects: 0 });
    expect(report.latencyMs.p50).toBeGreaterThan(0);
    expect(report.latencyMs.max).toBeGreaterThanOrEqual(report.latencyMs.p99);
    expect(new Set(seen.map(({ host, run, seq }) => `${host} ${run} ${seq}`)).size).toBe(300);
    expect(new Set(seen.map(({ host, time }) => `${host} ${time}`)).size).toBe(300);
    expect(new Set(seen.map(({ host }) => host))).toEqual(new Set(hosts.map(({ id }) => id)));
    const first = seen.find(({ seq }) => seq === 1);
    expect(first?.run).toBe(report.runs[first?.host ?? '']);
    expect(first?.data['agent']).toEqual([{ tags: { tier: 'fast' }, fields: { run: first?.run, seq: 1 } }]);
    const values = Object.values(first?.data ?? {}).flatMap((rows) => rows.flatMap(({ fields }) => Object.keys(fields)));
    expect(values).toHaveLength(VALUES_PER_SAMPLE);
  });

  it('keeps a sample until it is acknowledged, over lost acks and a broker that dies, and writes down what was', async () => {
    const ledger = join(tempDir(), 'ledger');
    const received: string[] = [];
    const acknowledged = new Set<string>();
    let port = 0;
    const onSample = (sample: Sample, broker: Aedes) => {
      const key = `${sample.host} ${sample.run} ${sample.seq}`;
      const isFirst = !received.includes(key);
      received.push(key);
      // The acknowledgement of every fifth sample gets lost, once.
      if (sample.seq % 5 === 0 && isFirst) return;
      acknowledged.add(key);
      ack(broker, sample);
    };
    let broker = await startBroker(onSample);
    port = broker.port;
    onTestFinished(() => broker.kill());
    const load = runLoad({ port, hosts, mode: 'ack', samples: 240, rate: 300, ledger, resendSeconds: 0.4, reconnectSeconds: 0.2 });
    for (let i = 0; i < 2; i++) {
      await new Promise((done) => setTimeout(done, 250));
      await broker.kill();
      broker = await startBroker(onSample, port);
    }
    const report = await load;
    expect(report).toMatchObject({ samples: 240, acked: 240, left: 0, clockRefused: 0 });
    expect(report.resent).toBeGreaterThanOrEqual(48);
    expect(report.reconnects).toBeGreaterThanOrEqual(6);
    const read = await readLedger(ledger);
    const lines = [...read].flatMap(([key, seqs]) => [...seqs].map((seq) => `${key} ${seq}`));
    expect(new Set(lines)).toEqual(acknowledged);
    expect(lines).toHaveLength(240);
  });

  it('gives up on what is never acknowledged, and does not claim it', async () => {
    const ledger = join(tempDir(), 'ledger');
    const broker = await startBroker((sample, at) => {
      if (sample.seq === 1) ack(at, sample);
    });
    onTestFinished(broker.kill);
    const report = await runLoad({ port: broker.port, hosts, mode: 'ack', samples: 30, ledger, drainSeconds: 0.5 });
    expect(report).toMatchObject({ samples: 30, pubacked: 30, acked: 3, left: 27 });
    expect([...(await readLedger(ledger)).values()].map((seqs) => [...seqs])).toEqual([[1], [1], [1]]);
  });

  it('keeps below its rate', async () => {
    const broker = await startBroker(() => {});
    onTestFinished(broker.kill);
    const report = await runLoad({ port: broker.port, hosts, mode: 'puback', samples: 200, rate: 400 });
    expect(report.seconds).toBeGreaterThan(0.4);
    expect(report.samplesPerSecond).toBeLessThan(500);
  });

  it('says so when a host is refused, or nobody is there', async () => {
    const broker = await startBroker(() => {});
    onTestFinished(broker.kill);
    const wrong = runLoad({ port: broker.port, hosts: [{ id: 'sim-0001', token: 'wrong' }], mode: 'puback', samples: 1 });
    await expect(wrong).rejects.toThrow(ConnectRefused);
    await expect(runLoad({ port: 1, hosts, mode: 'puback', samples: 1 })).rejects.toThrow(/ECONNREFUSED/);
    await expect(runLoad({ port: broker.port, hosts, mode: 'puback' })).rejects.toThrow(/needs an end/);
  });
});

describe('Latencies', () => {
  it('has percentiles that are exact to 2 %', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.02, max: 100_000, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, part) => {
          const latencies = new Latencies();
          for (const ms of all) latencies.add(ms);
          const sorted = all.toSorted((a, b) => a - b);
          const exact = sorted[Math.max(0, Math.ceil(part * all.length) - 1)] ?? 0;
          expect(latencies.percentile(part)).toBeGreaterThanOrEqual(exact * 0.9999);
          expect(latencies.percentile(part)).toBeLessThanOrEqual(exact * 1.0201);
        },
      ),
    );
  });
});
