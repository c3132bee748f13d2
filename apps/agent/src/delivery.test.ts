import { setTimeout as sleep } from 'node:timers/promises';
import { catalog } from '@hostwire/collectors';
import { type HostInfo, type Sample, topics as topicsUnder } from '@hostwire/model';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { decodeJson } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TestBroker } from './broker.testkit.ts';
import { type Delivery, type DeliveryOptions, openDelivery, TickClock } from './delivery.ts';

const topics = topicsUnder('hostwire');
const info: HostInfo = {
  agent_version: '0',
  hostname: 'h1',
  os: 'o',
  kernel: 'k',
  arch: 'a',
  user: 'u',
  groups: [],
  capabilities: {},
  run: '',
  intervals: { fast: 1, medium: 300, slow: 1800 },
};

/** What a server would have stored: by run and number, every time that it was given, and in which order. */
class Server {
  readonly stored = new Map<string, Set<number>>();
  readonly arrived: Sample[] = [];
  /** What becomes of a sample: acknowledged, answered with `clock`, or neither. */
  answer: (sample: Sample) => 'seqs' | 'clock' | null = () => 'seqs';
  /** The server's clock, ms ahead of this machine's. */
  ahead = 0;

  constructor(broker: TestBroker) {
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const sample = decodeJson(payload) as Sample;
      const { run, seq, time } = sample;
      this.arrived.push(sample);
      const kind = this.answer(sample);
      if (kind === null) return;
      const key = `${run}/${seq}`;
      if (kind === 'seqs') this.stored.set(key, (this.stored.get(key) ?? new Set()).add(time));
      const ack = { run, [kind]: [[seq, seq]], time: Date.now() + this.ahead };
      setImmediate(() => broker.publish(topics.ack('h1'), JSON.stringify(ack)));
    };
  }
}

async function setUp() {
  const broker = await TestBroker.start();
  const server = new Server(broker);
  const folder = tempDir();
  const open = async (options: Partial<DeliveryOptions> = {}): Promise<Delivery> => {
    const delivery = await openDelivery({
      connection: { url: broker.url, token: 't' },
      host: 'h1',
      spool: { folder, minFreeBytes: 0, timing: { noteMs: 5 } },
      topics,
      catalog: catalog(),
      info,
      logger: createLogger({ name: 'test', level: 'silent' }),
      backlogRate: 100,
      timing: { minDelayMs: 10, maxDelayMs: 50, ackTimeoutMs: 400, jitterMs: 0, probeMs: 200 },
      ...options,
    });
    onTestFinished(() => delivery.close({ farewell: false }));
    return delivery;
  };
  return { broker, server, folder, open };
}

/** Takes samples, one every `everyMs` of the past up to now. */
async function take(delivery: Delivery, count: number, { first = 1, everyMs = 0, text = '' } = {}): Promise<void> {
  for (let i = 0; i < count; i++) {
    const now = delivery.stamp();
    const age = (count - 1 - i) * everyMs;
    const sample: Sample = {
      ...{ v: 1, host: 'h1', tier: 'fast', run: delivery.run, seq: first + i, time: now.time - age, interval: 1, catalog: 'c' },
      data: { m: [{ fields: { text } }] },
    };
    await delivery.add(sample, now.monotonic - age);
  }
}

describe('openDelivery', () => {
  it('sends after a restart what earlier runs left, as backfill behind what is new, and what was acknowledged never again', async () => {
    const { broker, server, open } = await setUp();
    const first = await open({ run: 'one' });
    await take(first, 3);
    await waitFor(() => first.pending() === 0);
    await broker.kill();
    await take(first, 20, { first: 4 });
    await first.close({ farewell: false });
    server.arrived.length = 0;
    let held: unknown;
    const second = await open({ run: 'two', onHeld: (runs) => (held = runs) });
    expect(held).toEqual([{ run: 'one', seqs: [[4, 23]] }]);
    await take(second, 2);
    await broker.start();
    await waitFor(() => second.pending() === 0);
    const order = server.arrived.map(({ run, seq, backfill }) => `${run}/${seq}${backfill === true ? ' late' : ''}`);
    expect(order[0]).toBe('two/2');
    expect(order.slice(1).sort()).toEqual(['two/1', ...Array.from({ length: 20 }, (_, i) => `one/${i + 4} late`)].sort());
    expect(order.filter((one) => one.startsWith('one/'))).toEqual(Array.from({ length: 20 }, (_, i) => `one/${i + 4} late`));
    for (const times of server.stored.values()) expect(times.size).toBe(1);
  });

  it('sends what earlier runs left also while nothing new is taken', async () => {
    const { broker, server, open } = await setUp();
    await broker.kill();
    const first = await open({ run: 'one' });
    await take(first, 5);
    await first.close({ farewell: false });
    await broker.start();
    const second = await open({ run: 'two' });
    await waitFor(() => second.pending() === 0);
    expect(server.arrived.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('keeps up with 200 samples a second, and brings a backlog behind them at a bounded rate', async () => {
    const { broker, server, open } = await setUp();
    const delivery = await open({ backlogRate: 5, timing: { minDelayMs: 10, maxDelayMs: 50, jitterMs: 0 } });
    let seq = 0;
    const run = async (seconds: number): Promise<void> => {
      const from = performance.now();
      for (let i = 0; performance.now() - from < seconds * 1000; i++) {
        void take(delivery, 1, { first: ++seq, text: 'x'.repeat(2000) });
        await sleep(Math.max(0, from + (i + 1) * 5 - performance.now()));
      }
    };
    await run(2);
    await waitFor(() => delivery.pending() < 64);
    await broker.kill();
    const before = seq;
    await run(3);
    expect(delivery.pending()).toBeGreaterThanOrEqual(seq - before);
    const backlog = delivery.pending();
    await broker.start();
    const from = performance.now();
    const draining = run(4);
    await waitFor(() => delivery.pending() < 64, { what: 'the backlog to be drained' });
    const took = performance.now() - from;
    // At five times 200 a second, of which a fifth of a second's worth may go at once; and a busy machine makes them in bursts.
    expect(took).toBeGreaterThan((backlog - 264) / 2);
    await draining;
    await waitFor(() => delivery.pending() === 0);
    expect(server.stored.size).toBe(seq);
    expect(delivery.stats()).toMatchObject({ dropped: 0, ioErrors: 0 });
  });

  it('stores right times of runs that were made by a clock an hour behind, each sample at one time', async () => {
    const { broker, server, open } = await setUp();
    const hour = 3_600_000;
    const off = -hour;
    const wrong = (): TickClock => {
      const right = new TickClock();
      return new TickClock({ wall: () => Date.now() + off, monotonic: () => right.monotonic() });
    };
    server.answer = ({ time, backfill }) => (backfill !== true && Math.abs(time - Date.now()) > 600_000 ? 'clock' : 'seqs');
    await broker.kill();
    const first = await open({ run: 'one', clock: wrong() });
    await take(first, 10, { everyMs: 1_000 });
    await first.close({ farewell: false });
    const second = await open({ run: 'two', clock: wrong() });
    await take(second, 5);
    await broker.start();
    await waitFor(() => second.pending() === 0);
    expect(server.stored.size).toBe(15);
    for (const [key, times] of server.stored) {
      expect(times.size).toBe(1);
      const [time = 0] = times;
      const age = key.startsWith('one/') ? (10 - Number(key.slice(4))) * 1_000 : 0;
      expect(Math.abs(Date.now() - age - time)).toBeLessThan(8_000);
    }
    // Nothing of the backlog went out before the clock was known to be right.
    expect(server.arrived.filter(({ run }) => run === 'one').every(({ time }) => Math.abs(time - Date.now()) < 60_000)).toBe(true);
  });

  it('stores right times where a clock of 1970 was set right before the server could be reached', async () => {
    const { broker, server, open } = await setUp();
    let wall = 5_000_000;
    const right = new TickClock();
    const clock = new TickClock({ wall: () => wall, monotonic: () => right.monotonic() });
    await broker.kill();
    const delivery = await open({ run: 'one', clock });
    await take(delivery, 10);
    wall = Date.now();
    await take(delivery, 1, { first: 11 });
    await broker.start();
    await waitFor(() => delivery.pending() === 0);
    expect(server.stored.size).toBe(11);
    for (const times of server.stored.values()) {
      expect(times.size).toBe(1);
      for (const time of times) expect(Math.abs(Date.now() - time)).toBeLessThan(8_000);
    }
  });

  it('leaves right times alone when the clock jumps later', async () => {
    const { broker, server, open } = await setUp();
    let jump = 0;
    const right = new TickClock();
    const clock = new TickClock({ wall: () => Date.now() + jump, monotonic: () => right.monotonic() });
    server.answer = ({ time }) => (Math.abs(time - Date.now()) > 600_000 ? 'clock' : 'seqs');
    const delivery = await open({ run: 'one', clock });
    await take(delivery, 1);
    await waitFor(() => delivery.pending() === 0);
    await broker.kill();
    await take(delivery, 5, { first: 2 });
    jump = -7_200_000;
    await take(delivery, 5, { first: 7 });
    await broker.start();
    await waitFor(() => delivery.pending() === 0);
    for (const times of server.stored.values()) {
      expect(times.size).toBe(1);
      for (const time of times) expect(Math.abs(Date.now() - time)).toBeLessThan(8_000);
    }
    expect(server.stored.size).toBe(11);
  });

  it('gives up what the server refuses of another boot, and tells', async () => {
    const { broker, server, open } = await setUp();
    server.answer = ({ time }) => (time > Date.now() + 600_000 ? 'clock' : 'seqs');
    await broker.kill();
    const ahead = new TickClock({ wall: () => Date.now() + 86_400_000, monotonic: () => 1_000 });
    const { spool } = await setUpSpool(open, ahead);
    await broker.start();
    const second = await open({ run: 'two', spool: { ...spool, boot: 'another' } });
    await take(second, 1);
    await waitFor(() => second.pending() === 0);
    await take(second, 1, { first: 2 });
    await waitFor(() => server.stored.has('two/2'));
    const gap = server.arrived.find(({ run, seq }) => run === 'two' && seq === 2)?.data['gap'];
    expect(gap).toMatchObject([{ tags: { reason: 'clock' }, fields: { count: 3 } }]);
  });
});

/** Three samples of a boot of their own. */
async function setUpSpool(open: (options: Partial<DeliveryOptions>) => Promise<Delivery>, clock: TickClock) {
  const spool = { folder: tempDir(), minFreeBytes: 0, timing: { noteMs: 5 } };
  const first = await open({ run: 'one', clock, spool: { ...spool, boot: 'first' } });
  await take(first, 3);
  await first.close({ farewell: false });
  return { spool };
}
