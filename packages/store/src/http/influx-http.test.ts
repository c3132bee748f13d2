import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { findCommand, systemSuite } from '@hostwire/testkit';
import { InfluxDB, Point } from '@influxdata/influxdb-client';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../memory-store.testkit.ts';
import { StoreError } from '../series-store.ts';
import type { Credentials } from './credentials.ts';
import { createInfluxHttp } from './influx-http.ts';

const TOKEN = 'a-token';
const failures: string[] = [];
let store: MemoryStore;
let server: FastifyInstance;
let url: string;

async function authorize(credentials: Credentials | null, access: 'read' | 'write', database: string): Promise<boolean> {
  const shown = credentials?.token ?? credentials?.password;
  return database !== 'forbidden' && (shown === TOKEN || (shown === 'read-only' && access === 'read'));
}

beforeAll(async () => {
  store = new MemoryStore();
  server = createInfluxHttp({ store, authorize, version: '0.1.0', logger: { error: (_, message) => failures.push(message) } });
  url = await server.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => server.close());
beforeEach(() => failures.splice(0));

const auth = { authorization: `Token ${TOKEN}` };

async function write(
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = auth,
): Promise<{ status: number; error: string | null }> {
  const answer = await fetch(url + path, { method: 'POST', headers, body: typeof body === 'string' ? body : new Uint8Array(body) });
  const text = await answer.text();
  return { status: answer.status, error: text === '' ? null : (JSON.parse(text) as { error: string }).error };
}

async function ask(influxql: string, parameters: Record<string, string> = {}, headers: Record<string, string> = auth): Promise<unknown> {
  const answer = await fetch(`${url}/query?${new URLSearchParams({ db: 'test', q: influxql, epoch: 'ms', ...parameters })}`, { headers });
  return answer.json();
}

const rows = async (influxql: string) =>
  ((await ask(influxql)) as { results: { series?: { values: unknown[][] }[] }[] }).results[0]?.series?.[0]?.values;

describe('/ping and /health', () => {
  it('tell the version without credentials', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${url}/ping`, { method });
      expect([answer.status, answer.headers.get('x-influxdb-version'), answer.headers.get('x-influxdb-build')]).toEqual([
        204,
        '1.8.10-hostwire-0.1.0',
        'OSS',
      ]);
    }
    expect(await (await fetch(`${url}/ping?verbose=true`)).json()).toEqual({ version: '1.8.10-hostwire-0.1.0' });
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ name: 'influxdb', status: 'pass' });
  });
});

describe('credentials', () => {
  const ways: [string, Record<string, string>, Record<string, string>][] = [
    ['Token', { authorization: `Token ${TOKEN}` }, {}],
    ['Bearer', { authorization: `Bearer ${TOKEN}` }, {}],
    ['Basic', { authorization: `Basic ${Buffer.from(`anyone:${TOKEN}`).toString('base64')}` }, {}],
    ['Token user:token', { authorization: `Token anyone:${TOKEN}` }, {}],
    ['u and p', {}, { u: 'anyone', p: TOKEN }],
  ];

  it.each(ways)('are taken as %s', async (_, headers, parameters) => {
    expect(await ask('SHOW DATABASES', parameters, headers)).toHaveProperty('results');
    const query = new URLSearchParams({ db: 'test', ...parameters });
    expect(await write(`/write?${query}`, 'auth v=1 1', headers)).toEqual({ status: 204, error: null });
  });

  it('are asked for, and refused when wrong, before anything is said about the query', async () => {
    for (const q of ['SHOW DATABASES', 'no influxql', '']) {
      const none = await fetch(`${url}/query?q=${encodeURIComponent(q)}`);
      expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="InfluxDB"']);
      expect(await none.json()).toEqual({ error: 'unable to parse authentication credentials' });
    }
    expect(await ask('SHOW DATABASES', {}, { authorization: 'Token wrong' })).toEqual({ error: 'authorization failed' });
    expect(await write('/write?db=test', 'm v=1', {})).toMatchObject({ status: 401 });
    expect(await write('/write?db=test', 'm v=1', { authorization: 'Token read-only' })).toEqual({
      status: 401,
      error: 'authorization failed',
    });
  });

  it('are asked about each database that a query names', async () => {
    expect(await ask('SELECT v FROM "forbidden".."m"')).toEqual({ error: 'authorization failed' });
    expect(await ask('SELECT v FROM (SELECT v FROM "forbidden".."m")')).toEqual({ error: 'authorization failed' });
    expect(await ask('SHOW MEASUREMENTS ON forbidden')).toEqual({ error: 'authorization failed' });
    expect(await ask('SHOW TAG KEYS FROM "forbidden"..m')).toEqual({ error: 'authorization failed' });
    expect(await ask('CREATE DATABASE forbidden')).toEqual({ error: 'authorization failed' });
    expect(await ask('CREATE DATABASE mine', {}, { authorization: 'Token read-only' })).toEqual({ error: 'authorization failed' });
  });
});

describe('/write and /api/v2/write', () => {
  it.each([
    ['/write?db=test', '1700000000000000000'],
    ['/write?db=test&precision=ms&rp=autogen', '1700000000000'],
    ['/write?db=test&precision=u', '1700000000000000'],
    ['/write?db=test&precision=s', '1700000000'],
    ['/api/v2/write?bucket=test&org=any&precision=ms', '1700000000000'],
    ['/api/v2/write?bucket=test%2Fautogen&precision=us', '1700000000000000'],
  ])('%s', async (path, time) => {
    const name = path.replace(/\W/g, '');
    expect(await write(path, `${name},host=a v=1.5,i=2i,s="x" ${time}`)).toEqual({ status: 204, error: null });
    expect(await rows(`SELECT v, i, s FROM ${name}`)).toEqual([[1_700_000_000_000, 1.5, 2, 'x']]);
  });

  it('inflates gzip, but not without a bound', async () => {
    expect(await write('/write?db=test', gzipSync('zipped v=1 1'), { ...auth, 'content-encoding': 'gzip' })).toEqual({
      status: 204,
      error: null,
    });
    const bomb = gzipSync(Buffer.alloc(30_000_000, 'a'));
    expect(await write('/write?db=test', bomb, { ...auth, 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
    expect(await write('/write?db=test', 'no gzip', { ...auth, 'content-encoding': 'gzip' })).toMatchObject({ status: 400 });
  });

  it('refuses a body that is too large', async () => {
    expect(await write('/write?db=test', 'x'.repeat(25_000_001))).toEqual({ status: 413, error: 'Request Entity Too Large' });
  });

  it('stores the good lines and names the bad ones', async () => {
    const body = 'partial,host=a v=1 1000000\npartial v= 2\n# a comment\n\npartial,host=b v=2 3000000\nbad';
    expect(await write('/write?db=test', body)).toEqual({
      status: 400,
      error: "partial write: unable to parse 'partial v= 2': missing field value\nunable to parse 'bad': missing fields dropped=0",
    });
    expect(await rows('SELECT v FROM partial')).toEqual([
      [1, 1],
      [3, 2],
    ]);
    expect(await write('/write?db=test', 'bad')).toEqual({ status: 400, error: "unable to parse 'bad': missing fields" });
  });

  it('says what is missing', async () => {
    expect(await write('/write', 'm v=1')).toEqual({ status: 400, error: 'database is required' });
    expect(await write('/write?db=test&precision=days', 'm v=1')).toMatchObject({ status: 400 });
    expect(await write('/write?db=test', '')).toEqual({ status: 204, error: null });
  });

  it('gives lines without a time the time of their arrival', async () => {
    const before = Date.now();
    await write('/write?db=test', 'now v=1');
    const [[time] = []] = (await rows('SELECT v FROM now')) ?? [];
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  it('survives garbage', async () => {
    const garbage = Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 7919) % 256));
    expect(await write('/write?db=test', garbage)).toMatchObject({ status: 400 });
    expect((await fetch(`${url}/ping`)).status).toBe(204);
  });
});

describe('/query', () => {
  beforeAll(() => write('/write?db=test', 'q,host=a v=1 1000000\nq,host=b v=9007199254740993i,w=1 2000000'));

  it('answers GET, POST with a form, and POST with parameters in the URL', async () => {
    const wanted = await ask('SELECT w FROM q');
    expect(wanted).toEqual({ results: [{ statement_id: 0, series: [{ name: 'q', columns: ['time', 'w'], values: [[2, 1]] }] }] });
    const form = await fetch(`${url}/query`, {
      method: 'POST',
      headers: auth,
      body: new URLSearchParams({ db: 'test', q: 'SELECT w FROM q', epoch: 'ms' }),
    });
    expect(await form.json()).toEqual(wanted);
    const posted = await fetch(`${url}/query?db=test&epoch=ms&q=SELECT+w+FROM+q&chunked=true&chunk_size=10`, {
      method: 'POST',
      headers: auth,
    });
    expect(await posted.json()).toEqual(wanted);
  });

  it('prints pretty when asked, and whole integers', async () => {
    await write('/write?db=test', 'whole v=9007199254740993i 1000000');
    const text = async (pretty: string) =>
      (await fetch(`${url}/query?db=test&epoch=ns&q=SELECT+v+FROM+whole${pretty}`, { headers: auth })).text();
    expect(await text('')).toBe(
      '{"results":[{"statement_id":0,"series":[{"name":"whole","columns":["time","v"],"values":[[1000000,9007199254740993]]}]}]}\n',
    );
    expect(await text('&pretty=true')).toContain('\n    "results": [\n        {\n            "statement_id": 0,');
  });

  it('answers CREATE DATABASE, as Telegraf sends it', async () => {
    expect(await ask('CREATE DATABASE "telegraf"')).toEqual({ results: [{ statement_id: 0 }] });
    expect(await ask('CREATE DATABASE a; SHOW DATABASES')).toMatchObject({ error: expect.stringContaining('not supported') });
  });

  it('refuses what is no InfluxQL with 400, and tells what is not supported', async () => {
    expect(await ask('SELEKT')).toMatchObject({ error: expect.stringContaining('error parsing query: found SELEKT') });
    expect(await ask('')).toEqual({ error: 'missing required parameter "q"' });
    expect(await ask('DROP MEASUREMENT q')).toEqual({
      results: [{ statement_id: 0, error: 'hostwire: DROP MEASUREMENT is not supported' }],
    });
    expect(await ask(';')).toEqual({});
  });

  it('has no secrets in its errors, and says 503 when the store cannot answer', async () => {
    const broken = createInfluxHttp({
      store: {
        ...store,
        write: store.write,
        close: store.close,
        query: () => Promise.reject(new StoreError('unavailable', 'the disk is full')),
      },
      authorize,
      version: '1',
      logger: { error: (fields, message) => failures.push(message + JSON.stringify(fields)) },
    });
    const answer = await broken.inject({ url: `/query?q=SHOW+DATABASES&u=a&p=${TOKEN}` });
    expect([answer.statusCode, answer.json()]).toEqual([503, { error: 'the disk is full' }]);
    expect(failures).toHaveLength(1);
    expect(failures.join()).not.toContain(TOKEN);
    await broken.close();
  });

  it('says 404 as JSON for what it has not', async () => {
    expect(await (await fetch(`${url}/api/v2/query`, { method: 'POST', headers: auth })).json()).toEqual({ error: 'not found' });
  });

  it('drops a connection that speaks no HTTP', async () => {
    const { port } = new URL(url);
    const closed = new Promise<void>((done) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('\u0000\u0001 nonsense\r\n\r\n'));
      socket.on('close', () => done());
      socket.resume();
    });
    await closed;
    expect((await fetch(`${url}/ping`)).status).toBe(204);
  });
});

it('takes a point of @influxdata/influxdb-client and gives it back', async () => {
  const api = new InfluxDB({ url, token: TOKEN }).getWriteApi('any', 'test', 'ns', { flushInterval: 0, maxRetries: 0 });
  api.writePoint(
    new Point('client')
      .tag('host', 'a b')
      .floatField('v', 1.25)
      .intField('i', 7)
      .stringField('s', 'q"uote')
      .booleanField('b', true)
      .timestamp('1700000000123456789'),
  );
  await api.close();
  expect(await rows("SELECT v, i, s, b FROM client WHERE host = 'a b'")).toEqual([[1_700_000_000_123, 1.25, 7, 'q"uote', true]]);
});

systemSuite(['influx'], 'the influx CLI', () => {
  const run = promisify(execFile);

  async function cli(influxql: string, ...more: readonly string[]): Promise<string> {
    const command = findCommand('influx') ?? 'influx';
    const { port } = new URL(url);
    const args = [
      '-host',
      '127.0.0.1',
      '-port',
      port,
      '-username',
      'cli',
      '-password',
      TOKEN,
      '-database',
      'test',
      '-precision',
      'ms',
      ...more,
    ];
    return (await run(command, [...args, '-execute', influxql])).stdout;
  }

  it('lists and reads', async () => {
    await write('/write?db=test', 'cpu,host=a usage=1.5 1700000000000000000\ncpu,host=b usage=2.5 1700000030000000000\n');
    expect(await cli('SHOW MEASUREMENTS')).toMatch(/name: measurements\nname\n----\n(.*\n)*cpu\n/);
    expect(
      await cli('SELECT mean(usage) FROM cpu WHERE time > 1699999999s AND time < 1700000060s GROUP BY time(1m), host fill(none)'),
    ).toContain('name: cpu\ntags: host=a\ntime          mean\n----          ----\n1699999980000 1.5\n');
    expect(await cli('SHOW TAG VALUES FROM cpu WITH KEY = host', '-format', 'csv')).toBe('name,key,value\ncpu,host,a\ncpu,host,b\n');
  });

  it('writes', async () => {
    await cli('INSERT from_cli,host=a v=3 1700000000000');
    expect(await rows('SELECT v FROM from_cli')).toEqual([[1_700_000_000_000, 3]]);
  });
});
