import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface ScriptedAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** As something between the client and InfluxDB answers: without InfluxDB's headers. */
  readonly isForeign?: boolean;
}

/** An HTTP server that answers as InfluxDB 1.8 does, or as a test wants it to. */
export interface ScriptedInflux {
  readonly url: string;
  /** Lines of the writes that were answered with a 2xx, in order. */
  readonly lines: string[];
  /** Writes that came, whatever was answered. */
  writes: number;
  /**
   * Answers a write; the default stores its lines. `never`: no answer; `drip`: a byte of an answer now and then, without
   * an end. Null: stored.
   */
  script: (lines: readonly string[]) => ScriptedAnswer | 'never' | 'drip' | null;
  stop(): Promise<void>;
}

export async function startScriptedInflux(): Promise<ScriptedInflux> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
      const send = ({ status, body: text, headers, isForeign = false }: ScriptedAnswer): void => {
        const own = isForeign ? {} : { 'content-type': 'application/json', 'x-influxdb-version': '1.8.10' };
        response.writeHead(status, { ...own, connection: 'close', ...headers }).end(text);
      };
      if (request.url === '/ping') send({ status: 204 });
      else if (request.url?.startsWith('/query')) send({ status: 200, body: '{"results":[{"statement_id":0}]}' });
      else {
        const lines = body.split('\n').filter((line) => line !== '');
        made.writes++;
        const answer = made.script(lines);
        if (answer === 'never') return;
        if (answer === 'drip') {
          response.writeHead(200, { 'content-type': 'application/json' });
          const timer = setInterval(() => response.write(' '), 20);
          response.on('close', () => clearInterval(timer));
          return;
        }
        if (answer === null || answer.status < 300) made.lines.push(...lines);
        send(answer ?? { status: 204 });
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const made: ScriptedInflux = {
    url: `http://127.0.0.1:${port}`,
    lines: [],
    writes: 0,
    script: () => null,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return made;
}
