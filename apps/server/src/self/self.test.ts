import { waitFor } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import type { GapBody, ServerBody } from '../api/process-schemas.ts';
import { testServer } from '../server.testkit.ts';
import { flatName, partOfLevel } from './flat-name.ts';

describe('the name of a field', () => {
  it.each([
    ['ingest', 'ingest_samples_total', 'samples'],
    ['ingest', 'ingest_invalid_total{reason="bad-json"}', 'invalid_bad_json'],
    ['broker', 'refused{reason="x",kind="y"}', 'refused_x_y'],
    ['live', 'hosts{state="online"}', 'hosts_online'],
  ])('of %s: %s is %s', (part, entry, name) => {
    expect(flatName(part, entry)).toBe(name);
  });

  it('names the part of a level', () => {
    expect(['store_hot_bytes', 'hosts{state="never_connected"}', 'broker_clients'].map(partOfLevel)).toEqual(['store', 'live', 'broker']);
  });
});

describe('what the server says of itself', () => {
  it('is said by nobody else: a host that writes its measurement is refused, and changes no type of a field', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const host = await server.host('pve1');
    const tags = { instance: 'evil/ingest', part: 'process' };
    await host.send({ hostwire: [{ tags, fields: { roles: 'ingest', degraded: 'store', uptime_seconds: 'long' } }] });
    await host.send({ cpu: [{ fields: { usage_active: 1 } }] });
    const ask = async () => (await (await server.get('/api/server', admin)).json()) as ServerBody;
    const { processes } = await waitFor(
      async () => {
        const answer = await ask();
        return (answer.processes[0]?.parts['process']?.['self_writes'] ?? 0) > 0 && answer;
      },
      { what: 'what it wrote of itself' },
    );
    expect(processes.map(({ roles }) => roles.length)).toEqual([4]);
    expect(processes[0]?.parts['ingest']).toMatchObject({ samples: 1, invalid_reserved: 1, dead_letters: 1 });
  });

  it('counts what is refused on every port, and shows what waits', async () => {
    const server = await testServer();
    const read = await server.bearer('api:read');
    expect((await server.get('/api/hosts')).status).toBe(401);
    expect((await server.get('/api/hosts/nobody', read)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${server.server.ports.influx}/query?q=x`)).status).toBe(401);
    const metrics = async () => (await server.get('/metrics', read)).text();
    await waitFor(async () => (await metrics()).includes('hostwire_influx_http_errors_total{status="401"} 1'), { what: 'the counters' });
    const text = await metrics();
    expect(text).toContain('hostwire_api_errors_total{status="401"} 1');
    expect(text).toContain('hostwire_api_errors_total{status="404"} 1');
    for (const level of ['broker_pending', 'broker_paced', 'broker_retained_bytes', 'store_waiting_bytes', 'store_queries_waiting'])
      expect(text).toMatch(new RegExp(`^hostwire_${level} \\d+$`, 'm'));
    expect(text).toMatch(/^hostwire_alerting_alerts\{state="firing"\} 0$/m);
    expect(text).toMatch(/^hostwire_alerting_unsaved 0$/m);
  });

  it('is answered for this process as it is now, and for the others as they wrote it', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    await (await server.host('pve1')).send({ cpu: [{ fields: { usage_active: 1 } }] });
    const { store } = server.server;
    const types = { samples: 'int', version: 'string', roles: 'string', degraded: 'string', started_at: 'int' } as const;
    const point = (part: string, fields: Record<string, string | number>) => ({
      measurement: 'hostwire',
      tags: { instance: 'other/ingest', part },
      fields,
      types,
    });
    const time = Date.now() - 40_000;
    await store.write([
      {
        ...{ database: 'hostwire', source: 'other', time },
        points: [
          point('ingest', { samples: 7, dead_letters: 2 }),
          point('process', { version: '1', roles: 'ingest', degraded: 'store', started_at: 5 }),
        ],
      },
    ]);
    const ask = async () => (await (await server.get('/api/server', admin)).json()) as ServerBody;
    const [own, other] = (await ask()).processes;
    expect(own).toMatchObject({
      roles: ['broker', 'ingest', 'alerts', 'api'],
      parts: { ingest: { samples: 1, points: 1 }, live: { hosts_online: 1 }, process: { resident_memory_bytes: expect.any(Number) } },
      degraded: [],
    });
    expect(other).toEqual({
      ...{ instance: 'other/ingest', roles: ['ingest'], version: '1', started_at: 5, last_seen: time, degraded: ['store'] },
      parts: { ingest: { samples: 7, dead_letters: 2 }, process: {} },
    });
    expect(await ask()).toMatchObject({ dead_letters: 2, gaps_24h: 0 });
    await waitFor(async () => {
      const { results } = await store.query('SELECT last("uptime_seconds") FROM "hostwire" WHERE "part" = \'process\'', {
        database: 'hostwire',
      });
      return results[0]?.series?.length === 1;
    });
  });

  it('has an empty series for what has not been counted yet', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const answer = await server.get('/api/series?measurement=hostwire&field=refused_bad_token&from=-5m&step=30s', admin);
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as { series: unknown[] }).series).toEqual([]);
  });

  it('names the gaps of a host that reach into the range', async () => {
    const server = await testServer();
    const admin = await server.bearer('admin');
    const host = await server.host('pve1');
    const now = Date.now();
    const gap = (reason: string, from: number, to: number, count: number) => ({
      tags: { reason },
      fields: { from: now - from * 1000, to: now - to * 1000, count },
    });
    await host.send({ gap: [gap('full', 1000, 900, 21), gap('age', 300, 200, 3)] });
    const gaps = async (range: string) =>
      ((await (await server.get(`/api/hosts/pve1/gaps?${range}`, admin)).json()) as { gaps: GapBody[] }).gaps;
    expect(await gaps('from=-1h')).toMatchObject([
      { reason: 'full', count: 21, from: now - 1_000_000, to: now - 900_000, time: expect.any(Number) },
      { reason: 'age', count: 3 },
    ]);
    expect(await gaps(`from=${now - 250_000}&to=${now - 240_000}`)).toMatchObject([{ reason: 'age' }]);
    expect(await gaps(`from=${now - 100_000}`)).toEqual([]);
    expect((await server.get('/api/hosts/nobody/gaps', admin)).status).toBe(404);
    expect((await server.get('/api/hosts/pve1/gaps?from=x', admin)).status).toBe(400);
    expect(((await (await server.get('/api/server', admin)).json()) as ServerBody).gaps_24h).toBe(2);
  });
});
