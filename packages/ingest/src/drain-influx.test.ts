import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openInfluxStore, type SeriesStore } from '@hostwire/store';
import { type Daemon, type ScriptedInflux, startInfluxd, startScriptedInflux, systemSuite, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encode, makeSample, NOW, type Rig, rig } from './ingest.testkit.ts';
import { testJournal } from './journal.testkit.ts';

const QUICK = { minMs: 5, maxMs: 50 };
const COUNT = 300;

/** Ingest with a journal in front of this InfluxDB. */
async function inFrontOf(url: string): Promise<{ made: Rig; store: SeriesStore }> {
  const store = openInfluxStore({ url, database: 'hostwire', timeoutMs: 200 });
  const made = rig({ store, journal: await testJournal(), backoff: QUICK });
  onTestFinished(() => store.close());
  return { made, store };
}

async function scripted(): Promise<{ influx: ScriptedInflux; made: Rig }> {
  const influx = await startScriptedInflux();
  onTestFinished(() => influx.stop());
  return { influx, made: (await inFrontOf(influx.url)).made };
}

const acknowledge = (made: Rig, from: number, to: number): Promise<unknown> =>
  Promise.all(Array.from({ length: to - from + 1 }, (_, i) => made.accept(makeSample({ seq: from + i, time: NOW + from + i }))));

const drained = (made: Rig): Promise<unknown> => waitFor(() => made.ingest.stats().drain?.lagSamples === 0, { what: 'an empty journal' });

/** Milliseconds after NOW, of the distinct lines that were stored. */
const stored = ({ lines }: ScriptedInflux): number[] =>
  [...new Set(lines)].map((line) => Number(BigInt(line.slice(line.lastIndexOf(' ') + 1)) / 1_000_000n) - NOW).sort((a, b) => a - b);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('an InfluxDB that answers', () => {
  it.each([
    ['401', { status: 401, body: '{"error":"authorization failed"}' }],
    ['403', { status: 403, body: '{"error":"not authorized"}' }],
    ['404', { status: 404, body: '{"error":"database not found: \\"hostwire\\""}' }],
    ['429', { status: 429, headers: { 'retry-after': '0' } }],
    ['500', { status: 500, body: '{"error":"timeout"}' }],
    ['503', { status: 503, isForeign: true }],
    ['no-answer', 'never'],
    ['no-answer', 'drip'],
  ] as const)('%s: goes on being asked, said once; everything is there in the end, once', async (reason, answer) => {
    const { influx, made } = await scripted();
    await acknowledge(made, 1, 50);
    await drained(made);
    influx.script = () => answer;
    await acknowledge(made, 51, COUNT);
    await waitFor(() => made.counters.get(`ingest_drain_retries_total{reason="${reason}"}`) >= 3);
    expect(made.ingest.stats()).toMatchObject({ storeAvailable: false, drain: { lagSamples: COUNT - 50 } });
    expect(made.acks.length).toBeGreaterThan(0);
    influx.script = () => null;
    await drained(made);
    expect(stored(influx)).toEqual(upTo(COUNT));
    expect(made.logger.lines).toHaveLength(2);
    expect(made.ingest.stats()).toMatchObject({ storeAvailable: true, drain: { lagSamples: 0, lagBytes: 0, lastError: null } });
  });

  it('429 with Retry-After is left alone for so long', async () => {
    const { influx, made } = await scripted();
    influx.script = () => ({ status: 429, headers: { 'retry-after': '1' } });
    await acknowledge(made, 1, 1);
    await waitFor(() => influx.writes === 1);
    influx.script = () => null;
    const begun = Date.now();
    await waitFor(() => influx.writes === 2);
    expect(Date.now() - begun).toBeGreaterThan(800);
  });

  it('a 400 for some of the lines: those are dead letters with its message and with what the host had sent', async () => {
    const { influx, made } = await scripted();
    const isBad = (line: string): boolean => /00000[37]000000$/.test(line) && line.includes('usage_active');
    influx.script = (lines) => {
      const bad = lines.filter(isBad);
      if (bad.length === 0) return null;
      influx.lines.push(...lines.filter((line) => !isBad(line)));
      return { status: 400, body: JSON.stringify({ error: `partial write: unable to parse '${bad[0]}': a test dropped=${bad.length}` }) };
    };
    await acknowledge(made, 1, 9);
    await drained(made);
    expect(stored(influx)).toEqual([1, 2, 4, 5, 6, 8, 9]);
    const [file = ''] = readdirSync(made.folder);
    const [letter] = readFileSync(join(made.folder, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { reason: string; message: string; payload: string });
    expect(letter).toMatchObject({ reason: 'fields', message: expect.stringContaining('unable to parse') });
    expect(Buffer.from(letter?.payload ?? '', 'base64')).toEqual(encode(makeSample({ seq: 3, time: NOW + 3 })));
    expect(made.counters.get('ingest_rejected_fields_total{code="invalid"}')).toBe(2);
  });

  it('slowly, so that only small writes are answered in time: gets small ones', async () => {
    const { influx, made } = await scripted();
    influx.script = (lines) => (lines.length > 100 ? 'never' : null);
    await acknowledge(made, 1, COUNT);
    await drained(made);
    expect(stored(influx)).toEqual(upTo(COUNT));
  });
});

systemSuite(['influxd'], 'InfluxDB of the system', () => {
  it('killed, started again and its database dropped: everything is there in the end, once', async () => {
    const influxd: Daemon = await startInfluxd();
    onTestFinished(() => influxd.stop());
    const { made, store } = await inFrontOf(influxd.url);
    const count = async (): Promise<unknown> => {
      const { results } = await store.query('SELECT count(usage_active) FROM cpu', { database: 'hostwire', epoch: 'ms' });
      return results[0]?.series?.[0]?.values[0]?.[1];
    };
    await acknowledge(made, 1, 100);
    await drained(made);
    expect(await count()).toBe(100);
    await influxd.kill();
    await acknowledge(made, 101, 200);
    await waitFor(() => made.ingest.stats().drain?.state === 'waiting');
    await influxd.restart();
    await drained(made);
    expect(await count()).toBe(200);
    await (await fetch(`${influxd.url}/query?q=DROP+DATABASE+hostwire`, { method: 'POST' })).text();
    await acknowledge(made, 201, 300);
    await waitFor(async () => (await count()) === 100);
    await drained(made);
    expect(made.counters.get('ingest_dead_letters_total')).toBe(0);
  });
});
