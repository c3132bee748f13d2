import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import { metricsText } from '../api/metrics-text.ts';
import type { ServerConfig } from '../config/load-config.ts';
import type { ProcessSource } from '../self/process-report.ts';
import { alsoOnLoopback, speakTls } from '../tls/speak-tls.ts';
import { listenFailure } from './listen-failure.ts';

export interface MetricsPart {
  readonly port: number;
  close(): Promise<void>;
}

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;
const TIMEOUT_MS = 10_000;

/**
 * `/health` and `/metrics` of a process, as the API has them: the second for tokens with scope api:read. Throws ListenError
 * if the port cannot be had.
 */
export async function serveMetrics({
  config,
  tls,
  tlsCounters,
  port,
  source,
  registry,
  counters,
  logger,
}: {
  readonly config: Pick<ServerConfig, 'listen' | 'tls'>;
  /** Null: no other machine reaches it. */
  readonly tls: Tls | null;
  readonly tlsCounters: Counters;
  readonly port: number;
  readonly source: ProcessSource;
  readonly registry: Pick<Registry, 'tokens'>;
  readonly counters: Counters;
  readonly logger: Logger;
}): Promise<MetricsPart> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' || (path !== '/health' && path !== '/metrics')) {
      say(response, 404, { error: { code: 'not-found', message: 'There is GET /health and GET /metrics.' } });
    } else if (path === '/health') {
      say(response, 200, { ok: true, roles: source.roles, version: source.version, mock: false, degraded: source.degraded() });
    } else if (await mayRead(registry, request)) {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(metricsText(source.counters, source.gauges()));
    } else {
      response.setHeader('www-authenticate', 'Bearer realm="hostwire"');
      say(response, 401, { error: { code: 'not-logged-in', message: 'Send a token of scope api:read as Authorization: Bearer.' } });
    }
  };
  const server = createServer((request, response) => {
    response.once('finish', () => {
      if (response.statusCode >= 400) counters.add(`errors{status="${response.statusCode}"}`);
    });
    answer(request, response).catch((error: unknown) => {
      logger.error({ err: error }, 'a request for metrics failed');
      say(response, 500, { error: { code: 'internal', message: 'The server failed to answer; its log says why.' } });
    });
  });
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  const closers: (() => void)[] = [];
  if (tls !== null) {
    const { allowPlain } = config.tls;
    closers.push(speakTls(server, { tls, port: 'metrics', allowPlain, movesPages: false, counters: tlsCounters }));
  }
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(port, config.listen, done);
    });
    closers.push(await alsoOnLoopback(server, config.listen, portOf(server, port)));
  } catch (error) {
    server.close();
    throw listenFailure(error, '/health and /metrics', config.listen, port, '--metrics-port');
  }
  return {
    port: portOf(server, port),
    async close() {
      for (const end of closers) end();
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

function portOf(server: Server, asked: number): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : asked;
}

async function mayRead({ tokens }: Pick<Registry, 'tokens'>, { headers }: IncomingMessage): Promise<boolean> {
  const token = BEARER.exec(headers.authorization ?? '')?.[1];
  const scopes = token === undefined ? [] : ((await tokens.check(token))?.scopes ?? []);
  return scopes.includes('api:read') || scopes.includes('admin');
}

function say(response: ServerResponse, status: number, body: object): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}
