import type { Agent } from 'node:http';
import type { PointGroup } from '@hostwire/model';
import { quoteIdentifier } from '../influxql/quote.ts';
import {
  type QueryOptions,
  type QueryResponse,
  type QuerySeries,
  type RejectedField,
  type SeriesStore,
  type StatementResult,
  StoreError,
  type WriteResult,
} from '../series-store.ts';
import { parseExactJson } from './exact-json.ts';
import { exchange, type HttpAnswer } from './http-request.ts';
import { LineWriter, type WritePath } from './line-writer.ts';
import { retryAfterMs } from './retry-after.ts';

export interface InfluxStoreOptions {
  /** `http://host:8086`; a path in it is kept as prefix. */
  readonly url: string;
  /** 2.x and 3.x, or Hostwire's own port. */
  readonly token?: string;
  /** 1.x with authentication. */
  readonly username?: string;
  readonly password?: string;
  /** Made on 1.x when it is missing, like the database of every group that is written. */
  readonly database: string;
  /** 2.x only. */
  readonly org?: string;
  /** `auto`: by the version that /ping tells. `/write` works on 1.6 and later, 2.4 and later, and 3 Core. */
  readonly writePath?: 'auto' | WritePath;
  /** Of each request, default 10,000. */
  readonly timeoutMs?: number;
  readonly agent?: Agent;
}

/** A server that does not answer does not hold up a shutdown. */
const CLOSE_WAIT_MS = 1000;

interface Generation {
  readonly path: WritePath;
  /** Databases are made by CREATE DATABASE. */
  readonly creates: boolean;
}

/**
 * A SeriesStore in InfluxDB 1.6 and later, 2.4 and later, or 3 Core. Nothing is asked of the server before the first
 * write or query, so that it may be down when the process starts.
 */
export function openInfluxStore(options: InfluxStoreOptions): SeriesStore {
  return new InfluxStore(options);
}

class InfluxStore implements SeriesStore {
  private readonly options: InfluxStoreOptions;
  private readonly timeoutMs: number;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly writer: LineWriter;
  private readonly existing = new Set<string>();
  private generation: Generation | null = null;
  private lastWrite: Promise<unknown> = Promise.resolve();
  /** Aborted when no answer is waited for any more. */
  private readonly closing = new AbortController();
  private isClosed = false;

  constructor(options: InfluxStoreOptions) {
    this.options = options;
    this.timeoutMs = options.timeoutMs ?? 10_000;
    this.headers = basicAuthorization(options);
    const { url, token, agent, org = '' } = options;
    this.writer = new LineWriter({
      url: url.replace(/\/$/, ''),
      token,
      headers: this.headers,
      org,
      timeoutMs: this.timeoutMs,
      agent,
      signal: this.closing.signal,
    });
  }

  async write(groups: readonly PointGroup[]): Promise<WriteResult> {
    this.checkOpen();
    // One after the other: a server that is slow must not be given more at a time.
    const turn = this.lastWrite.then(() => this.writeNow(groups));
    this.lastWrite = turn.catch(() => undefined);
    return turn;
  }

  private async writeNow(groups: readonly PointGroup[]): Promise<WriteResult> {
    this.generation ??= await this.detect();
    const rejected: RejectedField[] = [];
    for (const database of new Set(groups.map((group) => group.database))) {
      const known = this.existing.has(database);
      try {
        await this.writeDatabase(database, this.generation, groups, rejected);
      } catch (error) {
        // A server that was replaced or upgraded is looked at anew.
        this.existing.delete(database);
        this.generation = null;
        // Its database was dropped: what was written of these groups before is written again.
        if (!known || !(error instanceof StoreError && error.status === 404)) throw error;
        this.generation = await this.detect();
        await this.writeDatabase(database, this.generation, groups, rejected);
      }
    }
    return { rejected };
  }

  private async writeDatabase(
    database: string,
    generation: Generation,
    groups: readonly PointGroup[],
    rejected: RejectedField[],
  ): Promise<void> {
    await this.ensure(database, generation);
    const found: RejectedField[] = [];
    await this.writer.write(generation.path, database, groups, found);
    // One by one: a call takes no more arguments than the stack holds.
    for (const field of found) rejected.push(field);
  }

  private async detect(): Promise<Generation> {
    const answer = await this.call('GET', 'ping', undefined, undefined);
    if (answer.status >= 400) throw this.unavailable(answer);
    const version = String(answer.headers['x-influxdb-version'] ?? '').replace(/^v/, '');
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const creates = major === 1;
    const { writePath = 'auto' } = this.options;
    if (writePath !== 'auto') return { path: writePath, creates };
    return { path: major > 1 || (major === 1 && minor >= 8) ? '/api/v2/write' : '/write', creates };
  }

  private async ensure(database: string, { creates }: Generation): Promise<void> {
    if (!creates || this.existing.has(database)) return;
    const answer = await this.call('POST', 'query', new URLSearchParams({ q: `CREATE DATABASE ${quoteIdentifier(database)}` }), undefined);
    if (answer.status !== 200) throw this.unavailable(answer);
    const [result] = this.read(answer).results;
    if (result?.error !== undefined) throw new StoreError('unavailable', `InfluxDB did not make the database ${database}: ${result.error}`);
    this.existing.add(database);
  }

  async query(influxql: string, options: QueryOptions): Promise<QueryResponse> {
    this.checkOpen();
    const answer = await this.ask(influxql, options);
    if (!answer.results.some(({ error }) => error === `database not found: ${this.options.database}`)) return answer;
    // A question before the first sample is answered with nothing instead of an error.
    this.generation ??= await this.detect();
    await this.ensure(this.options.database, this.generation);
    return this.ask(influxql, options);
  }

  private async ask(influxql: string, options: QueryOptions): Promise<QueryResponse> {
    const form = new URLSearchParams({ db: options.database, q: influxql });
    if (options.epoch !== undefined) form.set('epoch', options.epoch);
    const answer = await this.call('POST', 'query', form, options.signal);
    if (answer.status === 400) throw new StoreError('query', errorOf(answer));
    if (answer.status !== 200) throw this.unavailable(answer);
    return this.read(answer);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const timer = setTimeout(() => this.closing.abort(), CLOSE_WAIT_MS);
    await this.lastWrite;
    clearTimeout(timer);
    this.closing.abort();
  }

  private checkOpen(): void {
    if (this.isClosed) throw new StoreError('closed', 'the store is closed');
  }

  private call(
    method: 'GET' | 'POST',
    path: string,
    form: URLSearchParams | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const { token, agent, url } = this.options;
    return exchange({
      signal: signal ?? this.closing.signal,
      url: new URL(`${url.replace(/\/$/, '')}/${path}`),
      method,
      headers: {
        ...this.headers,
        ...(token === undefined ? {} : { authorization: `Token ${token}` }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
      agent,
      timeoutMs: this.timeoutMs,
    });
  }

  private unavailable(answer: HttpAnswer): StoreError {
    const { status, headers } = answer;
    return new StoreError('unavailable', `InfluxDB at ${new URL(this.options.url).host} answered ${status}: ${errorOf(answer)}`, {
      status,
      retryAfterMs: retryAfterMs(headers['retry-after']),
    });
  }

  private read(answer: HttpAnswer): QueryResponse {
    try {
      const { results = [] } = parseExactJson(answer.body) as { results?: readonly RawResult[] };
      return { results: results.map(toResult) };
    } catch (cause) {
      throw new StoreError('unavailable', `InfluxDB at ${new URL(this.options.url).host} answered with no JSON`, { cause });
    }
  }
}

type RawResult = Omit<StatementResult, 'series'> & {
  readonly series?: readonly (Omit<QuerySeries, 'name'> & { readonly name?: string })[];
};

function toResult({ statement_id, error, series }: RawResult, index: number): StatementResult {
  return {
    statement_id: statement_id ?? index,
    ...(series === undefined
      ? {}
      : {
          series: series.map(({ name = '', tags, columns, values }) => ({
            name,
            ...(tags === undefined ? {} : { tags }),
            columns,
            values: values ?? [],
          })),
        }),
    ...(error === undefined ? {} : { error }),
  };
}

function errorOf(answer: HttpAnswer): string {
  try {
    const { error, message } = JSON.parse(answer.body) as { error?: unknown; message?: unknown };
    return String(error ?? message ?? 'no reason given');
  } catch {
    return answer.body.slice(0, 200);
  }
}

function basicAuthorization({ username, password }: InfluxStoreOptions): Readonly<Record<string, string>> {
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` };
}
