import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** How a store that is asked through it behaves; `partial` refuses the lines of measurement `poison` and stores the others, as InfluxDB 1.x does. */
export type StoreMode = 'well' | '503' | '401' | '404' | '429' | 'partial' | 'never';

const ANSWERS: Readonly<Record<'503' | '401' | '404' | '429', { readonly error: string; readonly headers?: Record<string, string> }>> = {
  '503': { error: 'engine: cache maximum memory size exceeded' },
  '401': { error: 'authorization failed' },
  '404': { error: 'database not found: "hostwire"' },
  '429': { error: 'too many requests', headers: { 'retry-after': '2' } },
};

export interface FaultyStore {
  readonly url: string;
  mode: StoreMode;
  /** Requests that were not answered as the store would have. */
  readonly refused: number;
  close(): Promise<void>;
}

/** An HTTP server in front of an InfluxDB of this machine that fails as it is told to. */
export async function startFaultyStore(target: string): Promise<FaultyStore> {
  let refused = 0;
  const server = createServer((incoming, answer) => {
    answering(incoming, answer).catch(() => answer.destroy());
  });

  async function answering(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { mode } = store;
    const isWrite = incoming.method === 'POST' && /^\/(api\/v2\/)?write/.test(incoming.url ?? '');
    if (mode === 'never') {
      refused++;
      return;
    }
    if (mode !== 'well' && mode !== 'partial') {
      refused++;
      const { error, headers = {} } = ANSWERS[mode];
      answer.writeHead(Number(mode), { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ error }));
      return;
    }
    if (mode === 'partial' && isWrite) {
      const lines = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8').split('\n');
      const good = lines.filter((line) => !line.startsWith('poison'));
      if (good.length < lines.length) {
        refused++;
        if (good.some((line) => line !== '')) await forward(incoming, Buffer.from(good.join('\n')), { 'content-encoding': 'identity' });
        const error = `partial write: measurement "poison" is not taken dropped=${lines.length - good.length}`;
        answer.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
        return;
      }
    }
    const { status, headers, bytes } = await forward(incoming, body, {});
    answer.writeHead(status, headers).end(bytes);
  }

  function forward(incoming: IncomingMessage, body: Buffer, changed: Record<string, string>) {
    return new Promise<{ status: number; headers: IncomingMessage['headers']; bytes: Buffer }>((done, fail) => {
      const { 'transfer-encoding': _, ...headers } = incoming.headers;
      const outgoing = request(
        new URL(incoming.url ?? '/', target),
        { method: incoming.method ?? 'GET', headers: { ...headers, ...changed, 'content-length': String(body.length) } },
        (response) => {
          bodyOf(response).then((bytes) => done({ status: response.statusCode ?? 500, headers: response.headers, bytes }), fail);
        },
      );
      outgoing.on('error', fail);
      outgoing.end(body);
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const store = {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    mode: 'well' as StoreMode,
    get refused() {
      return refused;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return store;
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
