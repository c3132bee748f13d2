import { type ScriptedInflux, startInfluxd, startScriptedInflux, systemSuite } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SeriesStore } from '../series-store.ts';
import { openInfluxStore } from './influx-store.ts';
import { retryAfterMs } from './retry-after.ts';

const point = (fields: Record<string, number | string>, time = 1_700_000_000_000, types = {}) => ({
  database: 'refusals',
  source: 'a',
  time,
  points: [{ measurement: 'm', tags: { host: 'a' }, fields, types }],
});

/** InfluxDB sends the headers of its answer before it does anything. */
async function execute(url: string, statement: string): Promise<void> {
  await (await fetch(`${url}/query?q=${encodeURIComponent(statement)}`, { method: 'POST' })).text();
}

async function scripted(): Promise<{ influx: ScriptedInflux; store: SeriesStore }> {
  const influx = await startScriptedInflux();
  const store = openInfluxStore({ url: influx.url, database: 'refusals', timeoutMs: 300 });
  onTestFinished(async () => {
    await store.close();
    await influx.stop();
  });
  return { influx, store };
}

describe('what InfluxDB does not take now', () => {
  it('comes with its status, and with how long it asks to be left alone', async () => {
    const { influx, store } = await scripted();
    influx.script = () => ({ status: 429, body: '{"code":"too many requests","message":"slow down"}', headers: { 'retry-after': '7' } });
    await expect(store.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable', status: 429, retryAfterMs: 7000 });
    influx.script = () => ({ status: 503 });
    const failure = await store.write([point({ v: 1 })]).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'unavailable', status: 503, retryAfterMs: undefined });
  });

  it.each(['never', 'drip'] as const)('has a limit on time, when the answer comes: %s', async (how) => {
    const { influx, store } = await scripted();
    influx.script = () => how;
    const begun = Date.now();
    await expect(store.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable', status: undefined });
    expect(Date.now() - begun).toBeLessThan(2000);
  });

  it('is also what a proxy refuses without a reason that InfluxDB would give', async () => {
    const { influx, store } = await scripted();
    influx.script = () => ({ status: 400, body: '<html>Bad Request</html>', headers: { 'content-type': 'text/html' }, isForeign: true });
    await expect(store.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable', status: 400 });
  });
});

describe('what InfluxDB will never take', () => {
  it('is not looked for line by line where it says that it dropped all for their time', async () => {
    const { influx, store } = await scripted();
    const old = (line: string): boolean => Number(line.slice(line.lastIndexOf(' ') + 1)) < 1_000_000_000;
    influx.script = (lines) => {
      const dropped = lines.filter(old).length;
      const body = JSON.stringify({ error: `partial write: points beyond retention policy dropped=${dropped}` });
      return dropped === 0 ? null : { status: 400, body };
    };
    const groups = Array.from({ length: 2000 }, (_, i) => point({ v: i, w: i }, i < 900 ? 1 + (i % 100) : 1_700_000_000_000 + i));
    const { rejected } = await store.write(groups);
    expect(rejected).toHaveLength(900);
    expect(rejected[0]).toEqual({ group: 0, measurement: 'm', code: 'too-old', message: expect.stringContaining('retention') });
    expect(new Set(influx.lines)).toHaveLength(1100);
    expect(influx.writes).toBeLessThan(40);
  });

  it('is named once, however often its line is made again', async () => {
    const { influx, store } = await scripted();
    influx.script = (lines) =>
      lines.some((line) => line.includes('v=2'))
        ? {
            status: 400,
            body: '{"error":"partial write: field type conflict: input field \\"v\\" on measurement \\"m\\" is type float, already exists as type string dropped=1"}',
          }
        : null;
    const { rejected } = await store.write([point({ v: 2, nan: Number.NaN, w: 1 }), point({ w: 3 }, 5)]);
    expect(rejected.map(({ group, field }) => [group, field])).toEqual([
      [0, 'nan'],
      [0, 'v'],
    ]);
  });

  it('ends the search where shards have a field in different types', async () => {
    const { influx, store } = await scripted();
    const conflict = (found: string, existing: string) => ({
      status: 400,
      body: JSON.stringify({
        error: `partial write: field type conflict: input field "v" on measurement "m" is type ${found}, already exists as type ${existing} dropped=1`,
      }),
    });
    influx.script = (lines) => {
      for (const line of lines) {
        const isInt = line.includes('v=1i');
        if (line.endsWith(' 1000000') && isInt) return conflict('integer', 'float');
        if (line.endsWith(' 2000000') && !isInt) return conflict('float', 'integer');
      }
      return null;
    };
    const { rejected } = await store.write([point({ v: 1 }, 1), point({ v: 1 }, 2), point({ v: 1 }, 1), point({ v: 1 }, 2)]);
    expect(rejected).toEqual([]);
    expect(new Set(influx.lines)).toEqual(new Set(['m,host=a v=1 1000000', 'm,host=a v=1i 2000000']));
    expect(influx.writes).toBeLessThan(30);
  });
});

systemSuite(['influxd'], 'InfluxDB of the system', () => {
  it('has its database made again when somebody dropped it', async () => {
    const influxd = await startInfluxd();
    const store = openInfluxStore({ url: influxd.url, database: 'refusals' });
    await store.write([point({ v: 1 }, 1)]);
    await execute(influxd.url, 'DROP DATABASE refusals');
    expect(await store.write([point({ v: 2 }, 2)])).toEqual({ rejected: [] });
    const { results } = await store.query('SELECT v FROM m', { database: 'refusals', epoch: 'ms' });
    expect(results[0]?.series?.[0]?.values).toEqual([[2, 2]]);
    await store.close();
    await influxd.stop();
  });

  it('names what is older than its retention, and stores the rest', async () => {
    const influxd = await startInfluxd();
    const store = openInfluxStore({ url: influxd.url, database: 'refusals' });
    const now = Date.now();
    await execute(influxd.url, 'CREATE DATABASE refusals WITH DURATION 1d');
    const { rejected } = await store.write([point({ v: 1, w: 1 }, now - 40 * 86_400_000), point({ v: 2 }, now + 1)]);
    expect(rejected).toEqual([{ group: 0, measurement: 'm', code: 'too-old', message: expect.stringContaining('retention') }]);
    const { results } = await store.query('SELECT count(v) FROM m', { database: 'refusals', epoch: 'ms' });
    expect(results[0]?.series?.[0]?.values).toEqual([[0, 1]]);
    await store.close();
    await influxd.stop();
  });
});

it('Retry-After is read in both of its forms', () => {
  expect(retryAfterMs('120')).toBe(120_000);
  expect(retryAfterMs('Wed, 21 Oct 2026 07:28:00 GMT', Date.UTC(2026, 9, 21, 7, 27))).toBe(60_000);
  expect(retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT')).toBe(0);
  for (const nothing of [undefined, '', 'soon', [] as string[]]) expect(retryAfterMs(nothing)).toBeUndefined();
});
