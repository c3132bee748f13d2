import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Daemon, startInfluxd, systemSuite } from '@hostwire/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seriesStoreContract } from '../contract.testkit.ts';
import type { SeriesStore } from '../series-store.ts';
import { openInfluxStore } from './influx-store.ts';

const point = (fields: Record<string, number | string>, time = 1_700_000_000_000) => ({
  database: 'test',
  source: 'a',
  time,
  points: [{ measurement: 'm', tags: { host: 'a' }, fields, types: {} }],
});

systemSuite(['influxd'], 'InfluxDB of the system', () => {
  seriesStoreContract('InfluxDB 1.x', async () => {
    const influxd = await startInfluxd();
    return { store: openInfluxStore({ url: influxd.url, database: 'contract' }), dispose: () => influxd.stop() };
  });

  describe('with authentication', () => {
    let influxd: Daemon;
    beforeAll(async () => {
      influxd = await startInfluxd({ auth: true });
      await fetch(`${influxd.url}/query?q=${encodeURIComponent("CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES")}`, {
        method: 'POST',
      });
    });
    afterAll(() => influxd.stop());

    it('writes with the right password', async () => {
      const store = openInfluxStore({ url: influxd.url, database: 'test', username: 'admin', password: 'secret' });
      expect(await store.write([point({ v: 1 })])).toEqual({ rejected: [] });
      const { results } = await store.query('SELECT v FROM m', { database: 'test', epoch: 'ms' });
      expect(results[0]?.series?.[0]?.values).toEqual([[1_700_000_000_000, 1]]);
      await store.close();
    });

    it('says unavailable with a wrong one, so that the points are kept for later', async () => {
      const store = openInfluxStore({ url: influxd.url, database: 'test', username: 'admin', password: 'wrong' });
      await expect(store.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable' });
      await expect(store.query('SHOW DATABASES', { database: '' })).rejects.toMatchObject({ code: 'unavailable' });
      await store.close();
    });
  });

  it('answers a question before the first write with nothing', async () => {
    const influxd = await startInfluxd();
    const store = openInfluxStore({ url: influxd.url, database: 'test' });
    const { results } = await store.query('SELECT v FROM m', { database: 'test' });
    expect(results).toEqual([{ statement_id: 0 }]);
    await store.close();
    await influxd.stop();
  });

  it('brings in every good point of a batch with many bad ones', async () => {
    const influxd = await startInfluxd();
    const store = openInfluxStore({ url: influxd.url, database: 'test' });
    await store.write([point({ v: 1, s: 'text' }, 1)]);
    const groups = Array.from({ length: 300 }, (_, i) =>
      i % 50 === 7 ? point({ v: 'bad', s: `${i}` }, 10 + i) : point({ v: i, s: `${i}` }, 10 + i),
    );
    const { rejected } = await store.write(groups);
    expect(rejected.map(({ group, field }) => [group, field])).toEqual([7, 57, 107, 157, 207, 257].map((group) => [group, 'v']));
    const { results } = await store.query('SELECT count(v), count(s) FROM m', { database: 'test', epoch: 'ms' });
    expect(results[0]?.series?.[0]?.values).toEqual([[0, 295, 301]]);
    await store.close();
    await influxd.stop();
  });
});

describe('InfluxStore on a server that misbehaves', () => {
  let server: Server | undefined;
  let store: SeriesStore | undefined;

  afterEach(async () => {
    await store?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function against(
    version: string,
    respond: (path: string, body: string) => { status: number; body?: string } | null,
  ): Promise<SeriesStore> {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response.setHeader('X-Influxdb-Version', version);
        const answer = request.url === '/ping' ? { status: 204 } : respond(request.url ?? '', Buffer.concat(chunks).toString());
        if (answer !== null) response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
      });
    });
    await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    store = openInfluxStore({ url: `http://127.0.0.1:${port}`, database: 'test', timeoutMs: 300, token: 'secret-token' });
    return store;
  }

  it.each([401, 403, 404, 429, 500, 503])('says unavailable on %d and not what was written or the token', async (status) => {
    const opened = await against('v2.7.1', () => ({ status, body: '{"code":"x","message":"no"}' }));
    const failure = await opened.write([point({ v: 1 })]).catch((error: Error) => error);
    expect(failure).toMatchObject({ name: 'StoreError', code: 'unavailable' });
    expect(String(failure)).not.toContain('secret');
  });

  it('says unavailable when there is no answer in time, and nobody at the port', async () => {
    const opened = await against('v2.7.1', () => null);
    await expect(opened.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable' });
    await expect(opened.query('SHOW DATABASES', { database: 'test' })).rejects.toMatchObject({ code: 'unavailable' });
    const nobody = openInfluxStore({ url: 'http://127.0.0.1:1', database: 'test' });
    await expect(nobody.write([point({ v: 1 })])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('writes to /api/v2/write of 1.8, 2.x and 3.x and to /write of older ones, and makes databases on 1.x only', async () => {
    for (const [version, path, queries] of [
      ['1.6.7', '/write?db=test&precision=ns', 1],
      ['1.8.10', '/api/v2/write?org=&bucket=test&precision=ns', 1],
      ['v2.7.1', '/api/v2/write?org=&bucket=test&precision=ns', 0],
    ] as const) {
      const paths: string[] = [];
      const opened = await against(version, (url) => {
        paths.push(url);
        return url.startsWith('/query') ? { status: 200, body: '{"results":[{"statement_id":0}]}' } : { status: 204 };
      });
      await opened.write([point({ v: 1 })]);
      expect(paths).toEqual([...Array<string>(queries).fill('/query'), path]);
      server?.closeAllConnections();
      server?.close();
    }
  });

  it('finds the bad field of a server that only says that something is wrong', async () => {
    const stored = new Set<string>();
    const opened = await against('3.0.0', (_, body) => {
      if (body.includes('bad=')) return { status: 400, body: '{"error":"something is wrong"}' };
      for (const line of body.split('\n')) stored.add(line);
      return { status: 204 };
    });
    const { rejected } = await opened.write([point({ v: 1 }, 1), point({ a: 1, bad: 2, c: 3, d: 4 }, 2), point({ v: 3 }, 3)]);
    expect(rejected).toEqual([{ group: 1, measurement: 'm', field: 'bad', code: 'invalid', message: 'something is wrong' }]);
    expect([...stored].join('|')).toMatch(/v=1 1000000.*a=1.*c=3.*d=4.*v=3 3000000/s);
  });

  it('stops when asked to', async () => {
    const opened = await against('1.8.0', () => null);
    const controller = new AbortController();
    const answer = opened.query('SHOW DATABASES', { database: 'test', signal: controller.signal });
    controller.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await opened.close();
    await expect(opened.query('SHOW DATABASES', { database: 'test' })).rejects.toMatchObject({ code: 'closed' });
  });
});
