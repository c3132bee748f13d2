import type { Agent } from 'node:http';
import type { Point, PointGroup } from '@hostwire/model';
import { HttpError, InfluxDB, setLogger } from '@influxdata/influxdb-client';
import { type PointLine, serializePoint } from '../line-protocol/index.ts';
import { nanoseconds } from '../line-protocol/serialize.ts';
import { type RejectedField, StoreError } from '../series-store.ts';
import { LearnedTypes } from './learned-types.ts';

export interface LineTarget {
  readonly url: string;
  readonly token?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly org: string;
  readonly timeoutMs: number;
  readonly agent?: Agent | undefined;
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
      timeout: target.timeoutMs,
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
    const text = serializePoint(
      this.types.apply(group.database, point),
      index,
      nanoseconds(group.time, group.nanos ?? 0),
      (at, measurement, field, message) => {
        rejected.push({
          group: at,
          measurement,
          ...(field === undefined ? {} : { field }),
          code: field === undefined ? 'invalid' : 'type-conflict',
          message,
        });
      },
    );
    if (text !== null) into.push({ text, group: index, point });
  }

  learn(database: string, message: string): boolean {
    return this.types.learn(database, message);
  }

  /** One request. Null: stored. A text: refused for good, and why. */
  async post(path: WritePath, database: string, lines: readonly PointLine[]): Promise<string | null> {
    const api = this.client.getWriteApi(this.target.org, database, 'ns', {
      // More than there are lines: the client must not send by itself, where nobody waits for the outcome.
      batchSize: lines.length + 1,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      flushInterval: 0,
      maxRetries: 0,
      gzipThreshold: GZIP_BYTES,
    });
    if (path === '/write') api.path = `/write?db=${encodeURIComponent(database)}&precision=ns`;
    try {
      api.writeRecords(lines.map(({ text }) => text));
      await api.flush();
      return null;
    } catch (error) {
      return refusalOf(error, this.target.url);
    } finally {
      api.dispose();
    }
  }
}

function refusalOf(error: unknown, url: string): string {
  if (error instanceof HttpError && [400, 413, 422].includes(error.statusCode)) return textOf(error);
  const reason =
    error instanceof HttpError ? `${error.statusCode} ${textOf(error)}` : error instanceof Error ? error.message : String(error);
  throw new StoreError('unavailable', `InfluxDB at ${new URL(url).host} did not take a write: ${reason}`, { cause: error });
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

  async send(lines: readonly PointLine[]): Promise<void> {
    if (lines.length === 0) return;
    const refusal = await this.writer.post(this.path, this.database, lines);
    if (refusal === null) return;
    // What was stored of the batch may be written again: the same points replace themselves.
    if (this.writer.learn(this.database, refusal)) await this.send(this.again(lines));
    else if (lines.length > 1) {
      await this.send(lines.slice(0, lines.length >> 1));
      await this.send(lines.slice(lines.length >> 1));
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
    if (names.length > 1) {
      const half = names.length >> 1;
      for (const part of [names.slice(0, half), names.slice(half)]) {
        const fields = Object.fromEntries(part.map((name) => [name, point.fields[name] as Point['fields'][string]]));
        await this.send(this.again([{ text: '', group, point: { ...point, fields } }]));
      }
      return;
    }
    const [field] = names;
    this.rejected.push({
      group,
      measurement: point.measurement,
      ...(field === undefined ? {} : { field }),
      code: codeOf(refusal),
      message: refusal,
    });
  }
}

function codeOf(refusal: string): string {
  if (/type conflict|already exists as type|invalid column type/i.test(refusal)) return 'type-conflict';
  if (/max-series|max-values|max series/i.test(refusal)) return 'max-series';
  return /retention|outside/i.test(refusal) ? 'too-old' : 'invalid';
}
