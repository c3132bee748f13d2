import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { isPrecision, type Precision } from '../line-protocol/index.ts';
import { type QueryOptions, type SeriesStore, StoreError } from '../series-store.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { planQuery } from './query-access.ts';
import { responseJson } from './response-json.ts';
import { writePoints } from './write-points.ts';

export interface InfluxHttpOptions {
  readonly store: SeriesStore;
  /** Whether these credentials (null: none were shown) may read or write this database. */
  readonly authorize: (credentials: Credentials | null, access: 'read' | 'write', database: string) => Promise<boolean>;
  /** Hostwire's own version; clients are told an InfluxDB 1.8 with it. */
  readonly version: string;
  /** Told what a client is not told: why the server failed. Never given a URL, which may hold a password. */
  readonly logger?: { error(fields: object, message: string): void };
  /** Called for CREATE DATABASE. Absent: it succeeds, and the first write makes the database. */
  readonly createDatabase?: (name: string) => Promise<void>;
}

/** As InfluxDB's max-body-size; for what comes out of gzip as well. */
const MAX_BODY_BYTES = 25_000_000;
/** Of a query, which is read and parsed before it is known who asks. */
const MAX_QUERY_BYTES = 1_000_000;
/** For a whole request to come in, over a slow link too; the framework's default is for ever. */
const REQUEST_MS = 300_000;
const EPOCHS = new Set(['ns', 'u', 'ms', 's', 'm', 'h']);
const inflate = promisify(gunzip);

class HttpFault extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * A server that speaks InfluxDB 1.8's HTTP API (/ping, /health, /query, /write) and 2.x's /api/v2/write over a store.
 * Not listening yet; `listen()` and `close()` are the caller's.
 */
export function createInfluxHttp(options: InfluxHttpOptions): FastifyInstance {
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    requestTimeout: REQUEST_MS,
  });
  const api = new InfluxApi(options);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.addHook('onRequest', (request, reply, done) => {
    // The influx CLI sends an empty type, others any that they like: all that matters is whether it is a form.
    if (!isForm(request)) request.raw.headers['content-type'] = 'application/octet-stream';
    reply.header('X-Influxdb-Build', 'OSS').header('X-Influxdb-Version', api.version);
    done();
  });
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => api.fail(error, reply));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
  server.get('/ping', (request, reply) => api.ping(request, reply));
  server.get('/health', () => api.health());
  server.route({
    method: ['GET', 'POST'],
    url: '/query',
    bodyLimit: MAX_QUERY_BYTES,
    handler: (request, reply) => api.query(request, reply),
  });
  for (const url of ['/write', '/api/v2/write']) {
    // Before the body: what a stranger sends is not kept.
    server.post(url, { onRequest: (request) => api.allowWrite(request) }, (request, reply) => api.write(request, reply));
  }
  return server;
}

class InfluxApi {
  readonly version: string;
  private readonly options: InfluxHttpOptions;

  constructor(options: InfluxHttpOptions) {
    this.options = options;
    this.version = `1.8.10-hostwire-${options.version}`;
  }

  ping(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const verbose = parametersOf(request).get('verbose');
    if (verbose === null || verbose === '' || verbose === '0' || verbose === 'false') return reply.code(204).send();
    return reply.send({ version: this.version });
  }

  health(): object {
    return { name: 'influxdb', message: 'ready for queries and writes', status: 'pass', checks: [], version: this.version };
  }

  async query(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const parameters = parametersOf(request);
    const body = await bodyOf(request, MAX_QUERY_BYTES);
    if (isForm(request)) {
      // As in InfluxDB the form comes first.
      for (const [name, value] of new URLSearchParams(body)) parameters.set(name, value);
    }
    const credentials = this.credentials(request, parameters);
    const influxql = parameters.get('q') ?? '';
    const database = parameters.get('db') ?? '';
    if (influxql.trim() === '') {
      await this.allow(credentials, 'read', database);
      throw new HttpFault(400, 'missing required parameter "q"');
    }
    const plan = await this.planned(influxql, database, credentials);
    for (const name of plan.reads) await this.allow(credentials, 'read', name);
    for (const name of plan.creates) await this.allow(credentials, 'write', name);
    for (const name of plan.creates) await this.options.createDatabase?.(name);
    const response =
      plan.creates.length > 0
        ? { results: plan.creates.map((_, statement_id) => ({ statement_id })) }
        : await this.options.store.query(influxql, { database, ...epochOf(parameters), signal: goneSignal(reply) });
    const pretty = ['true', '1'].includes(parameters.get('pretty') ?? '');
    return reply.type('application/json').send(responseJson(response, pretty));
  }

  /** Says nothing about a query to someone who may not ask one. */
  private async planned(influxql: string, database: string, credentials: Credentials | null): Promise<ReturnType<typeof planQuery>> {
    try {
      return planQuery(influxql, database);
    } catch (error) {
      await this.allow(credentials, 'read', database);
      throw error;
    }
  }

  async allowWrite(request: FastifyRequest): Promise<void> {
    const parameters = parametersOf(request);
    await this.allow(this.credentials(request, parameters), 'write', writtenDatabase(request, parameters));
  }

  /** After allowWrite. */
  async write(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const parameters = parametersOf(request);
    const database = writtenDatabase(request, parameters);
    if (database === '') throw new HttpFault(400, isV2(request) ? 'bucket is required' : 'database is required');
    const precision = precisionOf(parameters.get('precision'));
    const refusal = await writePoints(this.options.store, database, await bodyOf(request, MAX_BODY_BYTES), precision, Date.now());
    if (refusal !== null) throw new HttpFault(400, refusal);
    return reply.code(204).send();
  }

  private credentials(request: FastifyRequest, parameters: URLSearchParams): Credentials | null {
    return readCredentials(request.headers.authorization, parameters);
  }

  private async allow(credentials: Credentials | null, access: 'read' | 'write', database: string): Promise<void> {
    if (await this.options.authorize(credentials, access, database)) return;
    throw new HttpFault(401, credentials === null ? 'unable to parse authentication credentials' : 'authorization failed');
  }

  fail(error: Error & { statusCode?: number }, reply: FastifyReply): FastifyReply {
    const status = statusOf(error);
    if (status === 401) reply.header('WWW-Authenticate', 'Basic realm="InfluxDB"');
    if (status >= 500) this.options.logger?.error({ err: error }, 'influx port: a request failed');
    const message = status === 500 ? 'internal error' : status === 413 ? 'Request Entity Too Large' : error.message;
    // A header holds no line break, and clients show this one when they cannot read the body.
    return reply
      .code(status)
      .header('X-Influxdb-Error', message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 1000))
      .type('application/json')
      .send(`${JSON.stringify({ error: message })}\n`);
  }
}

function statusOf(error: Error & { statusCode?: number }): number {
  if (error instanceof HttpFault) return error.status;
  if (error instanceof StoreError) return error.code === 'query' || error.code === 'invalid' ? 400 : 503;
  return error.statusCode ?? 500;
}

function isForm(request: FastifyRequest): boolean {
  return /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');
}

const isV2 = (request: FastifyRequest): boolean => request.routeOptions.url === '/api/v2/write';

function writtenDatabase(request: FastifyRequest, parameters: URLSearchParams): string {
  return (isV2(request) ? parameters.get('bucket')?.split('/')[0] : parameters.get('db')) ?? '';
}

/** Aborted when the client goes before it has its answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function parametersOf(request: FastifyRequest): URLSearchParams {
  const at = request.url.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : request.url.slice(at + 1));
}

async function bodyOf(request: FastifyRequest, limit: number): Promise<string> {
  const body = request.body;
  if (!(body instanceof Buffer)) return '';
  if (!/gzip/i.test(request.headers['content-encoding'] ?? '')) return body.toString('utf8');
  try {
    return (await inflate(body, { maxOutputLength: limit })).toString('utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new HttpFault(413, 'Request Entity Too Large');
    throw new HttpFault(400, `unable to inflate the body: ${(cause as Error).message}`);
  }
}

function precisionOf(text: string | null): Precision {
  if (text === null || text === '') return 'ns';
  if (!isPrecision(text)) throw new HttpFault(400, `invalid precision "${text}" (use n, u, ms, s, m or h)`);
  return text;
}

function epochOf(parameters: URLSearchParams): Pick<QueryOptions, 'epoch'> {
  const epoch = parameters.get('epoch') ?? '';
  if (epoch === '') return {};
  const word = epoch === 'n' ? 'ns' : epoch === 'us' ? 'u' : epoch;
  // InfluxDB takes what it does not know for nanoseconds.
  return { epoch: (EPOCHS.has(word) ? word : 'ns') as NonNullable<QueryOptions['epoch']> };
}
