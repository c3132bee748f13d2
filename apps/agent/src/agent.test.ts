import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalHost, ReplayHost } from '@hostwire/host-access';
import { type HostInfo, type Sample, topics as topicsUnder } from '@hostwire/model';
import { catalogCheck, hostInfoCheck, sampleCheck } from '@hostwire/model/schema';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { decodeJson } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AgentOptions, startAgent } from './agent.ts';
import { loadConfig } from './agent-config.ts';
import { TestBroker } from './broker.testkit.ts';

const topics = topicsUnder('fleet/a');
const mock = fileURLToPath(new URL('../mock', import.meta.url));

async function start(broker: TestBroker, options: Partial<AgentOptions> = {}) {
  const replay = await ReplayHost.open(mock, { loop: true });
  const config = await loadConfig('/nonexistent', {}, { connect: false, mustExist: false });
  const payloads: { kind: string; text: string }[] = [];
  let log = '';
  const agent = await startAgent({
    config: { ...config, topic_root: 'fleet/a', intervals: { fast_seconds: 1, medium_seconds: 2, slow_seconds: 1800 } },
    connection: { url: broker.url, token: 't' },
    source: { access: replay, mock: false, replay },
    host: 'h1',
    spoolFolder: tempDir(),
    remapped: false,
    logger: createLogger({
      name: 'test',
      pretty: false,
      destination: {
        write(line: string): void {
          log += line;
        },
      },
    }),
    onPayload: (kind, text) => payloads.push({ kind, text }),
    timing: { minDelayMs: 10, maxDelayMs: 50 },
    ...options,
  });
  onTestFinished(() => agent.stop());
  const samples = () => broker.seen.filter(({ topic }) => topic.includes('/sample/')).map(({ payload }) => decodeJson(payload) as Sample);
  return { agent, payloads, samples, log: () => log };
}

const set = (config: object): string => JSON.stringify({ v: 1, host: 'h1', config });

describe('startAgent', () => {
  it('samples every tier that has something, all in order and of one catalog', async () => {
    const broker = await TestBroker.start();
    const { agent, payloads, samples, log } = await start(broker);
    await waitFor(() => samples().filter(({ tier }) => tier === 'fast').length >= 3 && samples().some(({ tier }) => tier === 'medium'));
    await agent.stop();
    const all = samples();
    for (const sample of all) expect(sampleCheck.Check(sample)).toBe(true);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    expect(all.some(({ tier }) => tier === 'slow')).toBe(false);
    const catalog = decodeJson(broker.on(topics.catalog('h1'))[0]?.payload ?? Buffer.alloc(0));
    expect(catalogCheck.Check(catalog)).toBe(true);
    expect(new Set(all.map((sample) => sample.catalog))).toEqual(new Set([(catalog as { hash: string }).hash]));
    expect(hostInfoCheck.Check(decodeJson(broker.on(topics.info('h1'))[0]?.payload ?? Buffer.alloc(0)))).toBe(true);
    // The first sample has rates already.
    expect(all[0]?.data['cpu']?.length).toBeGreaterThan(0);
    expect(payloads.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['status', 'info', 'catalog', 'fast', 'medium']));
    expect(payloads.filter(({ kind }) => kind === 'fast').length).toBe(all.filter(({ tier }) => tier === 'fast').length);
    expect(log()).toContain('samples go out as h1 every 1 s');
  });

  it('looks again when it is told to, and tells the server and the log what has come and gone', async () => {
    const broker = await TestBroker.start();
    const root = tempDir();
    mkdirSync(join(root, 'proc'));
    writeFileSync(join(root, 'proc/stat'), 'cpu  1 2 3 4 5 6 7 8 9 10\n');
    const access = new LocalHost({ root });
    const { agent, log } = await start(broker, { source: { access, mock: false, replay: null } });
    const told = () => (decodeJson(broker.on(topics.info('h1')).at(-1)?.payload ?? Buffer.from('{}')) as HostInfo).capabilities?.['mem'];
    await waitFor(() => told()?.available === false, { what: 'what is not there' });
    writeFileSync(join(root, 'proc/meminfo'), 'MemTotal: 1000 kB\nMemFree: 500 kB\nMemAvailable: 700 kB\n');
    expect((await agent.refresh())['mem']).toEqual({ available: true });
    await waitFor(() => told()?.available, { what: 'what came' });
    rmSync(join(root, 'proc/meminfo'));
    // Its next readings find that out by themselves.
    await waitFor(() => told()?.available === false, { what: 'what went' });
    expect(log()).toMatch(/not on this host: .*mem \(/);
    expect(log()).toContain('mem: available now');
    expect(log()).toContain('mem: no longer available: ');
  });

  it('idles twice as long each time that its identity is taken', async () => {
    const broker = await TestBroker.start();
    const { samples, log } = await start(broker, { conflictRetryMs: 600 });
    for (let time = 1; time <= 3; time++) {
      const before = samples().length;
      const { run } = await waitFor(() => samples()[before], { what: 'a sample after each pause' });
      broker.publish(topics.ack('h1'), JSON.stringify({ run, conflict: true, time: Date.now() }));
      await waitFor(() => log().match(/another agent is alive/g)?.length === time);
    }
    expect(log().match(/stops for \d+ s/g)).toEqual(['stops for 1 s', 'stops for 1 s', 'stops for 2 s']);
  });

  it('leaves its identity to another agent without a farewell, and comes back later', async () => {
    const broker = await TestBroker.start();
    const { samples, log } = await start(broker, { conflictRetryMs: 1_500 });
    const [first] = await waitFor(() => samples().length > 0 && samples());
    const conflict = JSON.stringify({ run: first?.run, conflict: true, time: Date.now() });
    broker.publish(topics.ack('h1'), conflict);
    broker.publish(topics.ack('h1'), conflict);
    await waitFor(() => log().includes('another agent is alive as h1'));
    await waitFor(() => broker.connects === 2, { what: 'the second connection' });
    const before = samples().length;
    await waitFor(() => samples().length > before);
    expect(new Set(samples().map(({ run }) => run)).size).toBe(1);
    expect(log().match(/another agent is alive/g)).toHaveLength(1);
    expect(broker.connects).toBe(2);
    expect(broker.on(topics.status('h1')).map(({ payload }) => payload.toString())).toEqual(['online', 'online']);
  });
});

describe('remote configuration', () => {
  const infoOf = (broker: TestBroker): HostInfo =>
    decodeJson(broker.on(topics.info('h1')).at(-1)?.payload ?? Buffer.from('{}')) as HostInfo;

  it('changes intervals while samples go on: none is lost, none is numbered twice, each has its rates, and `info` tells', async () => {
    const broker = await TestBroker.start();
    broker.onPublish = ({ topic, payload }) => {
      if (!topic.includes('/sample/')) return;
      const { run, seq } = decodeJson(payload) as Sample;
      broker.publish(topics.ack('h1'), JSON.stringify({ run, seqs: [[seq, seq]], time: Date.now() }));
    };
    const { samples } = await start(broker);
    const fast = () => samples().filter(({ tier }) => tier === 'fast');
    await waitFor(() => fast().length >= 2, { what: 'two samples' });
    broker.publish(topics.config('h1'), set({ intervals: { fast_seconds: 2 } }), true);
    await waitFor(() => infoOf(broker).intervals.fast === 2, { what: 'the new interval in info' });
    const told = performance.now();
    await waitFor(() => fast().filter(({ interval }) => interval === 2).length >= 2, {
      timeout: 8000,
      what: 'two samples of the new interval',
    });
    expect(infoOf(broker).config).toMatchObject({ applied: ['intervals.fast_seconds'], refused: [] });
    broker.publish(topics.config('h1'), set({}), true);
    await waitFor(() => fast().filter(({ interval }) => interval === 1).length >= 4, {
      timeout: 8000,
      what: 'samples of the old interval',
    });
    expect(infoOf(broker).config).toBeUndefined();
    const all = samples();
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i + 1));
    expect(new Set(all.map(({ run }) => run)).size).toBe(1);
    expect(broker.connects).toBe(1);
    for (const sample of fast()) expect(sample.data['cpu']?.length, `seq ${sample.seq}`).toBeGreaterThan(0);
    const times = broker.seen.filter(({ topic }) => topic.endsWith('/sample/fast')).map(({ at }) => at);
    // The first of the new interval comes when the old one was due.
    expect((times.find((at) => at > told) ?? 0) - told).toBeLessThan(1500);
    for (let i = 1; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeLessThan(2500 + 700);
  });

  it('switches collectors off and on, and refuses for itself what the file keeps, each key for itself', async () => {
    const broker = await TestBroker.start();
    const config = await loadConfig('/nonexistent', {}, { connect: false, mustExist: false });
    const { samples } = await start(broker, {
      config: {
        ...config,
        ...{ topic_root: 'fleet/a', pin: ['intervals.fast_seconds'] },
        intervals: { fast_seconds: 1, medium_seconds: 2, slow_seconds: 1800 },
      },
    });
    const last = () =>
      samples()
        .filter(({ tier }) => tier === 'fast')
        .at(-1);
    await waitFor(() => last()?.data['mem'], { what: 'memory' });
    const body = { intervals: { fast_seconds: 60 }, collectors: { mem: { enabled: false }, new_one: { enabled: true } }, token: 'x' };
    broker.publish(topics.config('h1'), set(body), true);
    await waitFor(() => last() !== undefined && last()?.data['mem'] === undefined, { what: 'a sample without memory' });
    expect(last()?.interval).toBe(1);
    expect(infoOf(broker).config).toMatchObject({
      applied: ['collectors.mem.enabled'],
      refused: [{ key: 'collectors.new_one' }, { key: 'token' }, { key: 'intervals.fast_seconds' }],
    });
    broker.publish(topics.config('h1'), set({ collectors: { mem: { enabled: true } } }), true);
    await waitFor(() => last()?.data['mem'], { what: 'memory again' });
    broker.publish(topics.config('h1'), '{"v":1,"ho', true);
    await waitFor(() => infoOf(broker).config?.unreadable === 1, { what: 'the count of what could not be read' });
    expect(infoOf(broker).config?.applied).toEqual(['collectors.mem.enabled']);
  });

  it('stops sampling and stays online while it is told to, and begins as at a start', async () => {
    const broker = await TestBroker.start();
    const { samples } = await start(broker);
    await waitFor(() => samples().length > 2);
    broker.publish(topics.config('h1'), set({ enabled: false }), true);
    await waitFor(() => infoOf(broker).enabled === false, { what: 'the word that it takes none' });
    await new Promise((done) => setTimeout(done, 300));
    const count = samples().length;
    const words = () => broker.on(topics.status('h1')).map(({ payload }) => payload.toString());
    const said = words().length;
    await waitFor(() => words().length >= said + 2, { timeout: 5000, what: 'signs of life' });
    expect([samples().length, new Set(words())]).toEqual([count, new Set(['online'])]);
    broker.publish(topics.config('h1'), '', true);
    await waitFor(() => samples().length > count, { timeout: 3000, what: 'samples again' });
    expect(infoOf(broker).enabled).toBeUndefined();
    expect(samples()[count]).toMatchObject({ seq: count + 1, data: { cpu: expect.any(Array) } });
  });

  it('goes on as it was told last after a restart, without a word of the server', async () => {
    const first = await TestBroker.start();
    const spoolFolder = tempDir();
    const { agent } = await start(first, { spoolFolder });
    first.publish(topics.config('h1'), set({ intervals: { fast_seconds: 7 }, compress: true }), true);
    await waitFor(() => infoOf(first).intervals?.fast === 7, { what: 'the new interval' });
    await agent.stop();
    const second = await TestBroker.start();
    const { log } = await start(second, { spoolFolder });
    await waitFor(() => infoOf(second).intervals?.fast === 7, { what: 'the kept interval' });
    expect(infoOf(second).config?.applied).toEqual(['compress', 'intervals.fast_seconds']);
    expect(log()).toContain('samples go out as h1 every 7 s');
  });
});
