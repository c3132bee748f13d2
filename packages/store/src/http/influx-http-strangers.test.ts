import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { MemoryStore } from '../memory-store.testkit.ts';
import { type SeriesStore, StoreError } from '../series-store.ts';
import { createInfluxHttp } from './influx-http.ts';

async function listen(store: SeriesStore = new MemoryStore()): Promise<string> {
  const server = createInfluxHttp({ store, version: '1', authorize: async (credentials) => credentials?.token === 'right' });
  onTestFinished(() => server.close());
  return server.listen({ port: 0, host: '127.0.0.1' });
}

it.each(['/write?db=a', '/api/v2/write?bucket=a'])('%s refuses a stranger before the body has come', async (path) => {
  const socket = connect(Number(new URL(await listen()).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nm v=1`);
  await waitFor(() => answer.includes('unable to parse authentication credentials'));
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
});

it('gives up a request that does not come whole', () => {
  const server = createInfluxHttp({ store: new MemoryStore(), version: '1', authorize: async () => true });
  onTestFinished(() => server.close());
  expect(server.server.requestTimeout).toBe(300_000);
});

it('takes no query that is longer than any client needs, zipped or not', async () => {
  const url = await listen();
  const body = `q=SELECT+v+FROM+${'a'.repeat(1_100_000)}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await fetch(`${url}/query`, { method: 'POST', headers, body })).status).toBe(413);
  const zipped = { method: 'POST', headers: { ...headers, 'content-encoding': 'gzip' }, body: new Uint8Array(gzipSync(body)) };
  expect((await fetch(`${url}/query`, zipped)).status).toBe(413);
});

it('ends a query whose client has gone', async () => {
  let state = 'none';
  const store = new MemoryStore();
  store.query = (_, { signal }) => {
    state = 'running';
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        state = 'cancelled';
        reject(new StoreError('query', 'the query was cancelled'));
      });
    });
  };
  const url = await listen(store);
  const client = new AbortController();
  const answer = fetch(`${url}/query?q=SHOW+DATABASES`, { headers: { authorization: 'Token right' }, signal: client.signal });
  answer.catch(() => undefined);
  await waitFor(() => state === 'running');
  client.abort();
  await waitFor(() => state === 'cancelled');
});
