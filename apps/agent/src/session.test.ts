import { setTimeout as sleep } from 'node:timers/promises';
import { catalog } from '@hostwire/collectors';
import { type Ack, type HostInfo, isGzip, type Sample, type Tier, topics as topicsUnder } from '@hostwire/model';
import { catalogCheck } from '@hostwire/model/schema';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { decodeJson } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Seen, TestBroker } from './broker.testkit.ts';
import { Session, type SessionOptions } from './session.ts';
import { openSpool } from './spool/open-spool.ts';
import { FaultyFileSystem, makeSample } from './spool/spool.testkit.ts';
import { TickClock } from './tick-clock.ts';

const topics = topicsUnder('hostwire');
const RUN = 'run1';
const info: HostInfo = {
  agent_version: '0',
  hostname: 'h1',
  os: 'o',
  kernel: 'k',
  arch: 'a',
  user: 'u',
  groups: [],
  capabilities: {},
  run: RUN,
  intervals: { fast: 30, medium: 300, slow: 1800 },
};

const fast = { minDelayMs: 10, maxDelayMs: 50, ackTimeoutMs: 400, jitterMs: 0, probeMs: 200 };

async function setUp(options: Partial<SessionOptions> = {}) {
  const broker = await TestBroker.start();
  const clock = new TickClock();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const { spool: outbox, close } = await openSpool({ folder: tempDir(), clock, logger });
  onTestFinished(close);
  const conflicts: number[] = [];
  const open = () => {
    const session = new Session({
      connection: { url: broker.url, token: 't' },
      topics,
      host: 'h1',
      run: RUN,
      info,
      catalog: catalog(),
      outbox,
      clock,
      compress: false,
      logger,
      onConflict: () => conflicts.push(1),
      backlogRate: 100,
      timing: fast,
      ...options,
    });
    onTestFinished(() => session.close({ farewell: false }));
    return session;
  };
  let seq = 0;
  const kept: Promise<void>[] = [];
  /** Resolves when all that was sent is in the spool. */
  const settled = () => Promise.all(kept);
  const send = (session: Session, { age = 0, tier = 'fast' as Tier, time = 1_790_000_000_000 } = {}): Sample => {
    seq++;
    const sample: Sample = { v: 1, host: 'h1', tier, run: RUN, seq, time: time - age, interval: 1, catalog: 'c', data: {} };
    kept.push(session.send(sample, clock.monotonic() - age));
    return sample;
  };
  const ack = (body: Partial<Ack>) => broker.publish(topics.ack('h1'), JSON.stringify({ run: RUN, time: Date.now(), ...body }));
  const samples = (tier: Tier = 'fast') => broker.on(topics.sample('h1', tier)).map(toSample);
  const introduction = [topics.status('h1'), topics.info('h1'), topics.catalog('h1')];
  const connected = () => waitFor(() => introduction.every((topic) => broker.on(topic).length > 0), { what: 'the connection' });
  return { broker, outbox, clock, conflicts, open, send, settled, ack, samples, connected };
}

function toSample({ payload, retain, at }: Seen): Sample & { retain: boolean; at: number } {
  return { ...(decodeJson(payload) as Sample), retain, at };
}

describe('Session', () => {
  it('says who it is at each connection, all of it retained', async () => {
    const { broker, open, connected } = await setUp();
    open();
    await connected();
    const expected = [topics.status('h1'), topics.info('h1'), topics.catalog('h1')];
    expect(new Set(broker.seen.map(({ topic }) => topic))).toEqual(new Set(expected));
    expect(broker.seen.every(({ retain }) => retain)).toBe(true);
    expect(broker.on(topics.status('h1'))[0]?.payload.toString()).toBe('online');
    expect(decodeJson(broker.on(topics.info('h1'))[0]?.payload ?? Buffer.alloc(0))).toEqual(info);
    const packed = broker.on(topics.catalog('h1'))[0]?.payload ?? Buffer.alloc(0);
    expect(isGzip(packed)).toBe(true);
    expect(catalogCheck.Check(decodeJson(packed))).toBe(true);

    await broker.kill();
    broker.seen.length = 0;
    await broker.start();
    await connected();
    expect(new Set(broker.seen.map(({ topic }) => topic))).toEqual(new Set(expected));
  });

  it('says offline when it closes, has it said by its will when it is cut, and takes back what was said of a predecessor', async () => {
    const { broker, open, connected } = await setUp();
    const words = () => broker.on(topics.status('h1')).map(({ payload }) => payload.toString());
    const session = open();
    await connected();
    broker.publish(topics.status('h1'), 'offline', true);
    await waitFor(() => words().join() === 'online,offline,online', { what: 'online again' });
    broker.cut();
    await waitFor(() => words().slice(3).includes('offline') && words().at(-1) === 'online', { what: 'the will, then online' });
    await session.close({ farewell: true });
    expect(words().at(-1)).toBe('offline');
    expect(broker.on(topics.status('h1')).at(-1)?.retain).toBe(true);
  });

  it('connects after it was refused', async () => {
    const { broker, open, connected } = await setUp();
    broker.refuse = true;
    open();
    await waitFor(() => broker.connects >= 3, { what: 'three attempts' });
    broker.refuse = false;
    await connected();
  });

  it('publishes a sample at once, retained, and forgets it when it is acknowledged', async () => {
    const { broker, outbox, open, send, ack, samples, connected } = await setUp();
    const session = open();
    await connected();
    const sample = send(session);
    const [seen] = await waitFor(() => samples().length > 0 && samples());
    expect(seen).toEqual({ ...sample, retain: true, at: expect.any(Number) });
    broker.publish(topics.ack('h1'), 'nonsense');
    broker.publish(topics.ack('h1'), '{"run":"run1","seqs":[["a",1]],"time":1}');
    ack({ run: 'other', seqs: [[1, 1]] });
    await sleep(50);
    expect(outbox.size).toBe(1);
    ack({ seqs: [[1, 1]] });
    await waitFor(() => outbox.size === 0, { what: 'the sample to be forgotten' });
    await sleep(600);
    expect(samples()).toHaveLength(1);
  });

  it('sends only live samples while nothing is acknowledged, and the others again after the next ack', async () => {
    const { outbox, open, send, ack, samples, connected } = await setUp();
    const session = open();
    await connected();
    send(session);
    send(session);
    await sleep(1_000);
    // Now and then the newest again: the server's answer to it ends a silence in which nothing new is taken.
    const seqs = samples().map(({ seq }) => seq);
    expect(seqs.slice(0, 2)).toEqual([1, 2]);
    expect(seqs.length).toBeLessThan(5);
    expect(seqs.slice(2).every((seq) => seq === 2)).toBe(true);
    send(session);
    const before = await waitFor(() => samples().at(-1)?.seq === 3 && samples().length);
    ack({ seqs: [[3, 3]] });
    const again = () => samples().slice(before);
    await waitFor(() => again().length >= 2, { what: 'both to be sent again' });
    expect(
      again()
        .slice(0, 2)
        .map(({ seq }) => seq),
    ).toEqual([1, 2]);
    // The newest of its tier has come already: an older one must not be what the broker keeps.
    expect(
      again()
        .slice(0, 2)
        .every(({ retain }) => !retain),
    ).toBe(true);
    ack({ seqs: [[1, 2]] });
    await waitFor(() => outbox.size === 0);
  });

  it('after an outage sends the newest of each tier first, then the backlog, oldest first, marked and not retained', async () => {
    const { broker, outbox, open, send, settled, ack, samples, connected } = await setUp();
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { seq } = decodeJson(payload) as Sample;
      ack({ seqs: [[seq, seq]] });
    };
    await broker.kill();
    const session = open();
    for (let i = 0; i < 30; i++) send(session, { age: 60_000 - i * 1000 });
    send(session, { tier: 'slow' });
    send(session);
    await settled();
    await broker.start();
    await connected();
    await waitFor(() => outbox.size === 0, { what: 'everything to be acknowledged' });
    const all = broker.seen.filter(({ topic }) => topic.includes('/sample/')).map(toSample);
    expect(all.slice(0, 2).map(({ seq }) => seq)).toEqual([32, 31]);
    expect(all.slice(0, 2).every(({ retain, backfill }) => retain && backfill === undefined)).toBe(true);
    expect(all.slice(2).map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(all.slice(2).every(({ retain, backfill }) => !retain && backfill === true)).toBe(true);
    const backlog = samples().slice(1);
    // 100 times the live rate, which is nearly 32 in at least a second: 30 take some hundred ms less what was saved up.
    expect((backlog.at(-1)?.at ?? 0) - (backlog[0]?.at ?? 0)).toBeGreaterThan(5);
  });

  it('marks as backfill what is so old that the server would take its clock for wrong, however long the interval', async () => {
    const { broker, clock, outbox, open, ack } = await setUp();
    const backfill: boolean[] = [];
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const sample = decodeJson(payload) as Sample;
      backfill.push(sample.backfill === true);
      const wrong = sample.backfill !== true && Math.abs(sample.time - Date.now()) > 600_000;
      ack({ [wrong ? 'clock' : 'seqs']: [[sample.seq, sample.seq]] });
    };
    await broker.kill();
    const session = open();
    const age = 1_200_000;
    const slow: Sample = { ...makeSample(1), host: 'h1', run: RUN, tier: 'slow', interval: 1800, time: Date.now() - age };
    await session.send(slow, clock.monotonic() - age);
    await broker.start();
    await waitFor(() => outbox.size === 0, { what: 'the sample to be stored' });
    expect(backfill).toEqual([true]);
  });

  it('sends nothing as backfill before a live sample has shown whether the clock is right', async () => {
    const { broker, clock, outbox, open, ack } = await setUp();
    const stored: number[] = [];
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { seq, time, backfill } = decodeJson(payload) as Sample;
      // As one of several workers does that has not heard this host before.
      const wrong = backfill !== true && Math.abs(time - Date.now()) > 600_000;
      if (!wrong) stored.push(time);
      ack({ [wrong ? 'clock' : 'seqs']: [[seq, seq]] });
    };
    await broker.kill();
    const session = open();
    const tick = (seq: number, tier: Tier, interval: number, age: number) =>
      session.send({ ...makeSample(seq, { time: 1_000_000 }), host: 'h1', run: RUN, tier, interval }, clock.monotonic() - age);
    await tick(1, 'slow', 1800, 1_200_000);
    await tick(2, 'fast', 30, 0);
    await broker.start();
    await waitFor(() => outbox.size === 0);
    expect(stored).toHaveLength(2);
    for (const time of stored) expect(Date.now() - time).toBeLessThan(1_300_000);
  });

  it('loses nothing however often the broker is killed', async () => {
    const { broker, outbox, open, send, ack } = await setUp();
    const durable = new Set<number>();
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { seq } = decodeJson(payload) as Sample;
      if (Math.random() < 0.3) return;
      durable.add(seq);
      ack({ seqs: [[seq, seq]] });
    };
    const session = open();
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 5; i++) {
        send(session);
        await sleep(10);
      }
      await broker.kill();
      send(session);
      await broker.start();
    }
    // A later sample is what ends a silence.
    await waitFor(
      () => {
        if (outbox.size > 0) send(session);
        return outbox.size === 0;
      },
      { timeout: 25_000, interval: 300, what: 'everything to be acknowledged' },
    );
    for (let seq = 1; seq <= 24; seq++) expect(durable.has(seq)).toBe(true);
  });

  it('sends what is in memory again while the disk answers nothing, and the rest when it does', async () => {
    const fileSystem = new FaultyFileSystem();
    const disk = { folder: tempDir(), clock: new TickClock(), logger: createLogger({ name: 'test', level: 'silent' }), minFreeBytes: 0 };
    const { spool, close } = await openSpool({ ...disk, fileSystem, timing: { hungMs: 100, retryMs: 100 } });
    onTestFinished(close);
    for (let seq = 1; seq <= 3; seq++) await spool.append({ ...makeSample(seq), run: 'earlier' }, disk.clock.monotonic()).settled;
    let go: () => void = () => undefined;
    fileSystem.hangReads = new Promise((done) => {
      go = done;
    });
    fileSystem.fault = { on: ['write', 'create'], code: 'EIO' };
    const { broker, open, send, ack, connected } = await setUp({ outbox: spool });
    const received = new Map<number, number>();
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { run, seq } = decodeJson(payload) as Sample;
      const times = (received.get(seq) ?? 0) + 1;
      if (run === RUN) received.set(seq, times);
      if (run !== RUN || seq === 2 || times > 1) ack({ run, seqs: [[seq, seq]] });
    };
    const session = open();
    await connected();
    send(session);
    send(session);
    await waitFor(() => spool.size === 3, { what: 'what is in memory to be acknowledged' });
    fileSystem.hangReads = null;
    fileSystem.fault = null;
    go();
    await waitFor(() => spool.size === 0, { what: 'what is on the disk to follow' });
  });

  it('has at most 64 samples of a backlog under way', async () => {
    const { broker, open, send, settled, ack, samples, connected } = await setUp({
      timing: { ...fast, ackTimeoutMs: 10_000 },
      backlogRate: 10_000,
    });
    await broker.kill();
    const session = open();
    for (let i = 0; i < 100; i++) send(session, { age: 60_000 });
    await settled();
    await broker.start();
    await connected();
    const newest = await waitFor(() => samples()[0]);
    await sleep(200);
    expect(samples()).toHaveLength(1);
    ack({ seqs: [[newest.seq, newest.seq]] });
    // Of 64 some are left for live samples.
    await waitFor(() => samples().length >= 57);
    await sleep(200);
    expect(samples()).toHaveLength(57);
    for (let i = 0; i < 20; i++) send(session);
    await waitFor(() => samples().length >= 65);
    await sleep(200);
    expect(samples()).toHaveLength(65);
  });

  it('stamps samples anew by the clock of the server when that says so', async () => {
    const { outbox, clock, open, send, ack, samples, connected } = await setUp();
    const session = open();
    await connected();
    send(session, { time: 1_000 });
    send(session, { time: 3_000 });
    await waitFor(() => samples().length === 2);
    const server = Date.now() + 86_400_000;
    ack({ clock: [[1, 2]], time: server });
    await waitFor(() => samples().length === 4, { what: 'both to be sent again' });
    const [first, second] = samples().slice(2);
    expect([first?.seq, second?.seq]).toEqual([1, 2]);
    for (const sample of [first, second]) expect(Math.abs((sample?.time ?? 0) - server)).toBeLessThan(10_000);
    expect(first?.backfill).toBeUndefined();
    expect(Math.abs(clock.now() - Date.now() - 86_400_000)).toBeLessThan(10_000);
    ack({ seqs: [[1, 2]] });
    await waitFor(() => outbox.size === 0);
  });

  it('stamps the backlog anew too when it was stamped by the same wrong clock', async () => {
    const { broker, outbox, open, send, settled, ack, connected } = await setUp();
    const server = Date.now();
    const stored = new Map<number, number>();
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { seq, time, backfill } = decodeJson(payload) as Sample;
      // As the server does: what is old may be backlog, unless this agent's live samples are off.
      const wrong = backfill === true ? stored.size === 0 : Math.abs(time - server) > 600_000;
      if (!wrong) stored.set(seq, time);
      ack({ [wrong ? 'clock' : 'seqs']: [[seq, seq]], time: server });
    };
    await broker.kill();
    const session = open();
    for (let i = 0; i < 10; i++) send(session, { age: 60_000 - i * 1000, time: 5_000_000 });
    send(session, { time: 5_000_000 });
    await settled();
    await broker.start();
    await connected();
    await waitFor(() => outbox.size === 0);
    expect([...stored.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
    for (const [seq, time] of stored) expect(Math.abs(time - (server - (seq === 11 ? 0 : 61_000 - seq * 1000)))).toBeLessThan(10_000);
  });

  it('gives up what an earlier boot stamped with a time that cannot be', async () => {
    const disk = { folder: tempDir(), clock: new TickClock(), logger: createLogger({ name: 'test', level: 'silent' }), minFreeBytes: 0 };
    const earlier = await openSpool({ ...disk, boot: 'earlier' });
    await earlier.spool.append({ ...makeSample(1, { time: 1_000_000 }), run: 'earlier' }, 10).settled;
    await earlier.spool.append({ ...makeSample(2), run: 'earlier' }, 20).settled;
    await earlier.close();
    const { spool, close } = await openSpool(disk);
    onTestFinished(close);
    const { broker, clock, open, ack, connected } = await setUp({ outbox: spool, clock: disk.clock });
    const stored: Sample[] = [];
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const sample = decodeJson(payload) as Sample;
      stored.push(sample);
      ack({ run: sample.run, seqs: [[sample.seq, sample.seq]] });
    };
    const session = open();
    await connected();
    for (let seq = 1; seq <= 2; seq++) {
      await session.send({ ...makeSample(seq), host: 'h1', run: RUN, time: clock.now() }, clock.monotonic());
      await waitFor(() => spool.size === 0);
    }
    expect(stored.map(({ run, seq }) => `${run} ${seq}`)).toEqual([`${RUN} 1`, 'earlier 2', `${RUN} 2`]);
    expect(stored[2]?.data['gap']).toMatchObject([{ tags: { reason: 'clock' }, fields: { count: 1 } }]);
  });

  it('does not loop with a server that refuses every time', async () => {
    const { broker, open, send, ack, samples, connected } = await setUp();
    broker.onPublish = ({ topic, payload }) => {
      if (topic.includes('/sample/')) ack({ clock: [[1, (decodeJson(payload) as Sample).seq]], time: Date.now() });
    };
    const session = open();
    await connected();
    send(session);
    await sleep(1_000);
    expect(samples().length).toBeLessThan(12);
  });

  it('takes a conflict for its own run only', async () => {
    const { conflicts, open, ack, connected } = await setUp();
    open();
    await connected();
    ack({ run: 'other', conflict: true });
    await sleep(50);
    expect(conflicts).toEqual([]);
    ack({ conflict: true });
    await waitFor(() => conflicts.length === 1);
  });

  it('sends gzip when asked to', async () => {
    const { broker, open, send, connected } = await setUp({ compress: true });
    const session = open();
    await connected();
    const sample = send(session);
    const [seen] = await waitFor(() => broker.on(topics.sample('h1', 'fast')).length > 0 && broker.on(topics.sample('h1', 'fast')));
    expect(isGzip(seen?.payload ?? Buffer.alloc(0))).toBe(true);
    expect(decodeJson(seen?.payload ?? Buffer.alloc(0))).toEqual(sample);
  });

  it('sends again when the server comes back on a broker that stayed', async () => {
    const { broker, open, send, samples, connected } = await setUp({ timing: { ...fast, ackTimeoutMs: 10_000 } });
    const session = open();
    await connected();
    send(session);
    await waitFor(() => samples().length === 1);
    broker.publish(topics.serverStatus, 'offline', true);
    broker.publish(topics.serverStatus, 'online', true);
    await waitFor(() => samples().length === 2, { what: 'the sample to be sent again' });
  });
});
