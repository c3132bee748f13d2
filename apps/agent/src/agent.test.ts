import { fileURLToPath } from 'node:url';
import { ReplayHost } from '@hostwire/host-access';
import { type Sample, topics as topicsUnder } from '@hostwire/model';
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
