import type { Agent } from 'node:http';
import type { Point, PointGroup } from '@hostwire/model';
import { HttpError, InfluxDB, setLogger } from '@influxdata/influxdb-client';
import { type PointLine, serializePoint } from '../line-protocol/index.ts';
import { nanoseconds } from '../line-protocol/serialize.ts';
import { type RejectedField, StoreError } from '../series-store.ts';
import { LearnedTypes } from './learned-types.ts';
import { retryAfterMs } from './retry-after.ts';

export interface LineTarget {
  readonly url: string;
  readonly token?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly org: string;
  readonly timeoutMs: number;
  readonly agent?: Agent | undefined;
  /** Aborts what is under way. */
  readonly signal: AbortSignal;
}

export type WritePath = '/write' | '/api/v2/write';

const MAX_LINES = 5000;
const MAX_CHARACTERS = 8 * 1024 * 1024;
const GZIP_BYTES = 8 * 1024;

// The client would write every refusal to the console, with the lines in it; here each is an error or a rejected field.
setLogger({ error: () => undefined, warn: () => undefined });

/** Writes points and finds out what InfluxDB does not take of them. */
export class LineWriter {
  private readonly client: InfluxDB;
  private readonly target: LineTarget;
  private readonly types = new LearnedTypes();

  constructor(target: LineTarget) {
    this.target = target;
    this.client = new InfluxDB({
      url: target.url,
      headers: { ...target.headers },
      ...(target.token === undefined ? {} : { token: target.token }),
      ...(target.agent === undefined ? {} : { transportOptions: { agent: target.agent } }),
    });
  }

  /** All points of one database. Throws StoreError `unavailable`; what is refused for good is appended to `rejected`. */
  async write(path: WritePath, database: string, groups: readonly PointGroup[], rejected: RejectedField[]): Promise<void> {
    const lines: PointLine[] = [];
    groups.forEach((group, index) => {
      if (group.database !== database) return;
      for (const point of group.points) this.serialize(group, index, point, lines, rejected);
    });
    for (const batch of batches(lines)) await new Batch(this, path, database, groups, rejected).send(batch);
  }

  serialize(group: PointGroup, index: number, point: Point, into: PointLine[], rejected: RejectedField[]): void {
    const refused = new Set<string>();
    const text = serializePoint(
      this.types.apply(group.database, point),
      index,
      nanoseconds(group.time, group.nanos ?? 0),
      (at, measurement, field, message) => {
        if (field !== undefined) refused.add(field);
        rejected.push({
          group: at,
          measurement,
          ...(field === undefined ? {} : { field }),
          code: field === undefined ? 'invalid' : 'type-conflict',
          message,
        });
      },
    );
    // Made again, the line must not name them again.
    if (text !== null) into.push({ text, group: index, point: refused.size === 0 ? point : without(point, refused) });
  }

  learn(database: string, message: string): string | null {
    return this.types.learn(database, message);
  }

  /** One request. Null: stored. A text: refused for good, and why. Throws StoreError `unavailable`. */
  async post(path: WritePath, database: string, lines: readonly PointLine[]): Promise<string | null> {
    const { org, timeoutMs, signal } = this.target;
    const bucket = encodeURIComponent(database);
    const query = path === '/write' ? `db=${bucket}` : `org=${encodeURIComponent(org)}&bucket=${bucket}`;
    const stop = new AbortController();
    // The client's own timeout is one of silence, and leaves the request open.
    const deadline = setTimeout(() => stop.abort(), timeoutMs);
    const abort = (): void => stop.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((done, fail) => {
        this.client.transport.send(
          `${path}?${query}&precision=ns`,
          lines.map(({ text }) => text).join('\n'),
          {
            method: 'POST',
            headers: { 'content-type': 'text/plain; charset=utf-8' },
            gzipThreshold: GZIP_BYTES,
            signal: signal.aborted ? signal : stop.signal,
          },
          { error: fail, complete: done },
        );
      });
      return null;
    } catch (error) {
      const reason = stop.signal.aborted && !signal.aborted ? new Error(`no answer in ${timeoutMs} ms`) : error;
      return refusalOf(reason, this.target.url, lines.length);
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
    }
  }
}

function without(point: Point, refused: ReadonlySet<string>): Point {
  return { ...point, fields: Object.fromEntries(Object.entries(point.fields).filter(([name]) => !refused.has(name))) };
}

function refusalOf(error: unknown, url: string, lines: number): string {
  if (error instanceof HttpError && isAboutTheLines(error, lines)) return textOf(error);
  const isAnswer = error instanceof HttpError;
  const reason = isAnswer ? `${error.statusCode} ${textOf(error)}` : error instanceof Error ? error.message : String(error);
  throw new StoreError('unavailable', `InfluxDB at ${new URL(url).host} did not take a write: ${reason}`, {
    cause: error,
    ...(isAnswer ? { status: error.statusCode, retryAfterMs: retryAfterMs(error.headers?.['retry-after']) } : {}),
  });
}

/** A 400 without a reason is not InfluxDB's, but of something in between: that must cost no line. */
function isAboutTheLines({ statusCode, json, headers }: HttpError, lines: number): boolean {
  if (statusCode === 413) return lines > 1 || isFromInflux(json, headers);
  return (statusCode === 400 || statusCode === 422) && isFromInflux(json, headers);
}

function isFromInflux(json: unknown, headers: HttpError['headers']): boolean {
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase().startsWith('x-influxdb-'))) return true;
  const { error, message } = (json ?? {}) as { error?: unknown; message?: unknown };
  return typeof error === 'string' || typeof message === 'string';
}

function textOf(error: HttpError): string {
  const json = error.json as { error?: unknown; message?: unknown } | undefined;
  const text = json?.error ?? json?.message ?? error.body ?? error.message;
  return typeof text === 'string' ? text : error.message;
}

function* batches(lines: readonly PointLine[]): Generator<readonly PointLine[]> {
  let batch: PointLine[] = [];
  let size = 0;
  for (const line of lines) {
    if (batch.length >= MAX_LINES || (batch.length > 0 && size + line.text.length > MAX_CHARACTERS)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(line);
    size += line.text.length + 1;
  }
  if (batch.length > 0) yield batch;
}

/** Brings every line of a batch that InfluxDB takes into it, and names the fields of the others. */
class Batch {
  private readonly writer: LineWriter;
  private readonly path: WritePath;
  private readonly database: string;
  private readonly groups: readonly PointGroup[];
  private readonly rejected: RejectedField[];

  constructor(writer: LineWriter, path: WritePath, database: string, groups: readonly PointGroup[], rejected: RejectedField[]) {
    this.writer = writer;
    this.path = path;
    this.database = database;
    this.groups = groups;
    this.rejected = rejected;
  }

  /** `learnt`: fields whose type was learned for these lines. */
  async send(lines: readonly PointLine[], learnt: ReadonlySet<string> = new Set()): Promise<void> {
    if (lines.length === 0) return;
    const refusal = await this.writer.post(this.path, this.database, lines);
    if (refusal === null) return;
    // What was stored of the batch may be written again: the same points replace themselves.
    const field = this.writer.learn(this.database, refusal);
    // Twice for the same lines: they go into shards that have the field in different types.
    if (field !== null && !(learnt.has(field) && lines.length > 1)) await this.send(this.again(lines), new Set([...learnt, field]));
    else if (lines.length > 1 && isDroppedWhole(refusal, lines.length)) {
      for (const line of lines) this.reject(line, undefined, refusal);
    } else if (lines.length > 1) {
      await this.send(this.again(lines.slice(0, lines.length >> 1)));
      await this.send(this.again(lines.slice(lines.length >> 1)));
    } else await this.divide(lines[0] as PointLine, refusal);
  }

  /** The same points in the types that are known now. */
  private again(lines: readonly PointLine[]): readonly PointLine[] {
    const out: PointLine[] = [];
    for (const { group, point } of lines) this.writer.serialize(this.groups[group] as PointGroup, group, point, out, this.rejected);
    return out;
  }

  private async divide({ group, point }: PointLine, refusal: string): Promise<void> {
    const names = Object.keys(point.fields);
    if (isOfThePoint(refusal)) this.reject({ text: '', group, point }, undefined, refusal);
    else if (names.length > 1) {
      const half = names.length >> 1;
      for (const part of [names.slice(0, half), names.slice(half)]) {
        const fields = Object.fromEntries(part.map((name) => [name, point.fields[name] as Point['fields'][string]]));
        await this.send(this.again([{ text: '', group, point: { ...point, fields } }]));
      }
    } else this.reject({ text: '', group, point }, names[0], refusal);
  }

  private reject({ group, point }: PointLine, field: string | undefined, refusal: string): void {
    this.rejected.push({
      group,
      measurement: point.measurement,
      ...(field === undefined ? {} : { field }),
      code: codeOf(refusal),
      message: refusal,
    });
  }
}

/** InfluxDB says how many points it dropped. If it is all of them, for what they are, none is looked for. */
function isDroppedWhole(refusal: string, lines: number): boolean {
  const [, dropped] = /dropped=(\d+)/.exec(refusal) ?? [];
  return Number(dropped) === lines && isOfThePoint(refusal);
}

/** Refused for its time or its series, whatever its fields are. */
function isOfThePoint(refusal: string): boolean {
  const code = codeOf(refusal);
  return code === 'too-old' || code === 'max-series';
}

function codeOf(refusal: string): string {
  if (/type conflict|already exists as type|invalid column type/i.test(refusal)) return 'type-conflict';
  if (/max-series|max-values|max series/i.test(refusal)) return 'max-series';
  return /retention|outside/i.test(refusal) ? 'too-old' : 'invalid';
}
