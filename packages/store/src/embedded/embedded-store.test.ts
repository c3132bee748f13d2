import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PointGroup } from '@hostwire/model';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { QueryResponse, QueryValue } from '../series-store.ts';
import { type EmbeddedStore, type EmbeddedStoreOptions, openEmbeddedStore } from './embedded-store.ts';
import { openReader } from './read-points.testkit.ts';
import { SqlFile } from './sql.ts';

const START = Date.UTC(2026, 8, 21, 10);
const HOUR = 3_600_000;

async function open(options: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ directory: options.directory ?? tempDir(), queryWorkers: 1, ...options });
  onTestFinished(() => store.close());
  return store;
}

function group(time: number, fields: PointGroup['points'][number]['fields'], tags: Record<string, string> = { host: 'a' }): PointGroup {
  return { database: 'db', source: tags['host'] ?? '', time, points: [{ measurement: 'm', tags, fields, types: {} }] };
}

async function values(store: EmbeddedStore, influxql: string): Promise<readonly (readonly QueryValue[])[]> {
  const { results }: QueryResponse = await store.query(influxql, { database: 'db', epoch: 'ms' });
  expect(results[0]?.error).toBeUndefined();
  return results[0]?.series?.flatMap((series) => series.values) ?? [];
}

describe('what was written', () => {
  it('is read at once, after rows were moved, and after a restart', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    for (let i = 0; i < 10; i++) await store.write([group(START + i * 1000, { v: i, s: `text ${i}` })]);
    expect(await values(store, 'SELECT sum(v), count(s) FROM m')).toEqual([[0, 45, 10]]);
    await store.compactNow();
    expect(store.stats()).toMatchObject({ hotRows: 0, compactions: 1 });
    expect(await values(store, 'SELECT sum(v), count(s) FROM m')).toEqual([[0, 45, 10]]);
    await store.write([group(START + 10_000, { v: 10 })]);
    await store.close();
    const again = await open({ directory });
    expect(again.stats()).toMatchObject({ hotRows: 1, series: 1 });
    expect(await values(again, 'SELECT sum(v), count(v) FROM m')).toEqual([[0, 55, 11]]);
    await again.write([group(START + 11_000, { v: 11 }), group(START, { v: 1 }, { host: 'b' })]);
    expect(await values(again, 'SELECT last(v) FROM m GROUP BY host')).toEqual([
      [START + 11_000, 11],
      [START, 1],
    ]);
  });

  it('is committed together where it waits together', async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.write([group(START + i, { v: i })])));
    expect(await values(store, 'SELECT count(v) FROM m')).toEqual([[0, 500]]);
    expect(store.stats().commits).toBeLessThan(20);
  });

  it('may be more than one batch', async () => {
    const store = await open();
    const text = 'x'.repeat(20_000);
    await store.write(Array.from({ length: 60 }, (_, i) => group(START + i, { s: text + i })));
    expect(await values(store, 'SELECT count(s) FROM m')).toEqual([[0, 60]]);
    expect(await values(store, `SELECT s FROM m WHERE time = ${START + 59}ms`)).toEqual([[START + 59, `${text}59`]]);
  });
});

describe('what cannot be taken', () => {
  it('because the disk fails is refused, and stored when it is written again', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    await store.write([group(START, { v: 1 })]);
    const disk = new SqlFile(join(directory, 'hot.db'), 'write');
    disk.exec('ALTER TABLE hot RENAME TO away');
    const refused = [group(START + 1, { v: 2, w: 2 }, { host: 'new' }), group(START + 2, { v: 4 })];
    await expect(store.write(refused)).rejects.toMatchObject({ name: 'StoreError', code: 'unavailable' });
    await expect(store.write([group(START + 1, { v: 2 }, { host: 'other' })])).rejects.toMatchObject({ code: 'unavailable' });
    expect(store.stats()).toMatchObject({ hotRows: 1 });
    disk.exec('ALTER TABLE away RENAME TO hot');
    disk.close();
    expect(await values(store, 'SELECT sum(v) FROM m')).toEqual([[0, 1]]);
    // What was new in the refused write is known to this process, and must be in the file with the next.
    await store.write(refused);
    expect(await values(store, 'SELECT sum(v), sum(w) FROM m')).toEqual([[0, 7, 2]]);
    await store.close();
    const again = await open({ directory });
    expect(await values(again, 'SELECT sum(v), sum(w) FROM m')).toEqual([[0, 7, 2]]);
    expect((await again.query('SHOW SERIES', { database: 'db' })).results[0]?.series?.[0]?.values).toHaveLength(3);
  });

  it('takes the room of what it holds, also where every row has a field that no other has', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    const usual = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`usual${i}`, i]));
    for (let i = 0; i < 4000; i += 100) {
      await store.write(
        Array.from({ length: 100 }, (_, j) => ({
          ...group(START + i + j, { ...usual, [`odd${(i + j) % 800}`]: i + j }),
          points: ['a', 'b'].map((host) => ({
            measurement: 'm',
            tags: { host },
            fields: { ...usual, [`odd${(i + j) % 800}`]: i + j },
            types: {},
          })),
        })),
      );
    }
    expect(store.stats().hotBytes).toBeLessThan(4000 * 2 * 200);
    const all = async (from: EmbeddedStore): Promise<void> => {
      expect(await values(from, 'SELECT count(usual0), sum(usual11), count(odd7), sum(odd7) FROM m')).toEqual([
        [0, 8000, 88_000, 10, 16_070],
      ]);
      expect(await values(from, `SELECT usual3, odd799 FROM m WHERE host = 'b' AND time = ${START + 1599}ms`)).toEqual([
        [START + 1599, 3, 1599],
      ]);
    };
    await all(store);
    await store.close();
    const again = await open({ directory });
    await again.write([group(START + 5000, { ...usual, odd7: 0 })]);
    expect(await values(again, 'SELECT count(odd7) FROM m')).toEqual([[0, 11]]);
    await again.compactNow();
    expect(await values(again, 'SELECT count(usual0), count(odd7), sum(odd7) FROM m')).toEqual([[0, 8001, 11, 16_070]]);
  });

  it('is told field by field, and the rest is stored', async () => {
    const store = await open();
    const types = { i: 'int', f: 'float', s: 'string' } as const;
    const write = (time: number, fields: PointGroup['points'][number]['fields']) =>
      store.write([{ database: 'db', source: 'a', time, points: [{ measurement: 'm', tags: { host: 'a' }, fields, types }] }]);
    expect(await write(START, { i: 1, f: 1.5, s: 'x' })).toEqual({ rejected: [] });
    expect(await write(START + 1, { i: 2.0, f: 2n, s: 'y' })).toEqual({ rejected: [] });
    const { rejected } = await write(START + 2, { i: 2.5, f: 'no', s: 3, late: true });
    const conflict = (field: string, message: string) => ({
      group: 0,
      measurement: 'm',
      field,
      code: 'type-conflict',
      message: `input field "${field}" on measurement "m" is type ${message}`,
    });
    expect(rejected).toEqual([
      conflict('i', 'float, already exists as type integer'),
      conflict('f', 'string, already exists as type float'),
      conflict('s', 'float, already exists as type string'),
    ]);
    expect((await write(START + 3, { i: Number.NaN, f: 4 })).rejected).toMatchObject([{ field: 'i', code: 'invalid' }]);
    expect(await values(store, 'SELECT i, f, s, late FROM m')).toEqual([
      [START, 1, 1.5, 'x', null],
      [START + 1, 2, 2, 'y', null],
      [START + 2, null, null, null, true],
      [START + 3, null, 4, null, null],
    ]);
  });

  it('is a whole point where its series is one too many, its time is none, or it is too old', async () => {
    const now = Date.now();
    const store = await open({ seriesLimit: 2, retentionMs: 24 * HOUR });
    const { rejected } = await store.write([
      group(now, { v: 1 }, { host: 'a' }),
      group(now, { v: 1 }, { host: 'b' }),
      group(now, { v: 1 }, { host: 'c' }),
      group(now + 0.5, { v: 1 }),
      group(now - 25 * HOUR, { v: 1 }),
    ]);
    expect(rejected.map(({ group: index, code, field }) => ({ index, code, field }))).toEqual([
      { index: 2, code: 'max-series', field: undefined },
      { index: 3, code: 'invalid', field: undefined },
      { index: 4, code: 'too-old', field: undefined },
    ]);
    expect(await values(store, 'SELECT count(v) FROM m')).toHaveLength(1);
    const broken = { ...group(now, { v: 1 }), points: [{ measurement: 'm', tags: null, fields: { v: 1 }, types: {} }] };
    const mixed = await store.write([group(now + 1, { v: 2 }), broken as never, group(now + 2, { v: 4 })]);
    expect(mixed.rejected).toMatchObject([{ group: 1, code: 'invalid' }]);
    expect(await values(store, "SELECT sum(v) FROM m WHERE host = 'a'")).toEqual([[0, 7]]);
  });
});

describe('the reader', () => {
  it('gives summaries that agree with the rows, wherever the buckets lie', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    const rows = Array.from({ length: 9000 }, (_, i) =>
      group(START + i * 10_000, { v: (i * 37) % 1000, ...(i % 3 === 0 ? { w: i } : {}) }),
    );
    await store.write(rows);
    await store.compactNow();
    const reader = openReader(directory);
    const [series] = reader.series('db', 'm');
    let summaries = 0;
    for (const bucket of [HOUR, 7 * 60_000, 24 * HOUR]) {
      const total = { v: { count: 0, sum: 0 }, w: { count: 0, sum: 0 } };
      const inOne = (t0: number, t1: number): boolean => Math.floor(t0 / bucket) === Math.floor(t1 / bucket);
      for (const block of reader.scan(series as never, ['v', 'w'], START, START + 100 * HOUR, inOne)) {
        (['v', 'w'] as const).forEach((field, at) => {
          if (block.kind === 'summary') {
            summaries++;
            expect(inOne(block.t0, block.t1)).toBe(true);
            total[field].count += block.summaries[at]?.count ?? 0;
            total[field].sum += block.summaries[at]?.sum ?? 0;
            return;
          }
          const column = block.columns[at];
          if (column?.type !== 'float') return;
          for (let i = 0; i < block.n; i++) {
            if (column.valid !== null && column.valid[i] !== 1) continue;
            total[field].count++;
            total[field].sum += column.values[i] as number;
          }
        });
      }
      const sum = (field: 'v' | 'w'): number => rows.reduce((of, { points }) => of + Number(points[0]?.fields[field] ?? 0), 0);
      expect(total).toEqual({ v: { count: 9000, sum: sum('v') }, w: { count: 3000, sum: sum('w') } });
    }
    expect(summaries).toBeGreaterThan(20);
    reader.close();
  });

  it('keeps the rest where a chunk or a file is damaged, and tells it', async () => {
    const directory = tempDir();
    const problems: string[] = [];
    const store = await open({ directory, report: (problem) => problems.push(problem) });
    await store.write([group(START, { v: 1 }), group(START + 24 * HOUR, { v: 2 }), group(START + 48 * HOUR, { v: 4 })]);
    await store.compactNow();
    await store.close();
    const [first] = readdirSync(join(directory, 'raw')).sort();
    writeFileSync(join(directory, 'raw', first as string), 'no database at all'.repeat(1000));
    const again = await open({ directory, report: (problem) => problems.push(problem) });
    expect(await values(again, 'SELECT sum(v) FROM m')).toEqual([[0, 6]]);
    expect(await values(again, 'SELECT sum(v) FROM m')).toEqual([[0, 6]]);
    expect(problems.filter((problem) => problem.includes('cannot be read'))).toHaveLength(1);
    // A write into that day puts the file aside and begins a new one.
    await again.write([group(START + 1, { v: 8 })]);
    await again.compactNow().catch(() => again.compactNow());
    expect(await values(again, 'SELECT sum(v) FROM m')).toEqual([[0, 14]]);
    expect(existsSync(join(directory, 'raw', `${first}.bad`))).toBe(true);
  });
});

describe('the store', () => {
  it('moves a slot with more rows than one job takes', async () => {
    const store = await open();
    const rows = Array.from({ length: 60_000 }, (_, i) => group(START + i * 10, { v: i % 7 }, { host: `h${i % 500}` }));
    await store.write(rows.map((row) => ({ ...row, source: 'all' })));
    await store.compactNow();
    expect(store.stats()).toMatchObject({ hotRows: 0, series: 500 });
    expect(await values(store, 'SELECT count(v) FROM m')).toEqual([[0, 60_000]]);
    expect(await values(store, "SELECT count(v), first(v) FROM m WHERE host = 'h499'")).toEqual([[0, 120, 499 % 7]]);
  });

  it('has one owner', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    await expect(openEmbeddedStore({ directory })).rejects.toMatchObject({ name: 'StoreError', code: 'locked' });
    await store.close();
    await open({ directory });
  });

  it('names hot.db when that is damaged, and leaves it as it is', async () => {
    const directory = tempDir();
    await (await open({ directory })).close();
    writeFileSync(join(directory, 'hot.db'), 'no database at all'.repeat(1000));
    await expect(openEmbeddedStore({ directory })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/hot\.db is damaged .*backup/),
    });
    expect(existsSync(join(directory, 'hot.db'))).toBe(true);
  });

  it('says so when its directory cannot be used', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'file'), '');
    await expect(openEmbeddedStore({ directory: join(directory, 'file', 'series') })).rejects.toMatchObject({ code: 'unavailable' });
    writeFileSync(join(directory, 'hot.db'), 'no database at all'.repeat(1000));
    for (let i = 0; i < 2; i++) await expect(openEmbeddedStore({ directory })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('takes nothing once it is closed, and finishes what it took', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    const written = store.write([group(START, { v: 1 })]);
    await Promise.all([store.close(), store.close()]);
    await expect(written).resolves.toEqual({ rejected: [] });
    await expect(store.write([group(START, { v: 1 })])).rejects.toMatchObject({ code: 'closed' });
    await expect(store.query('SELECT v FROM m', { database: 'db' })).rejects.toMatchObject({ code: 'closed' });
    await expect(store.compactNow()).rejects.toMatchObject({ code: 'closed' });
  });

  it('makes databases', async () => {
    const directory = tempDir();
    const store = await open({ directory });
    await store.createDatabase('empty');
    await store.createDatabase('empty');
    await store.write([group(START, { v: 1 })]);
    const { results } = await store.query('SHOW DATABASES', { database: '' });
    expect(results[0]?.series?.[0]?.values).toEqual(expect.arrayContaining([['empty'], ['db']]));
    await store.close();
    const reader = openReader(directory);
    expect(reader.databases()).toEqual(['db', 'empty']);
    reader.close();
  });

  it('moves rows when they are due, and all the same when there are too many', async () => {
    const now = Date.now();
    const store = await open({ hotLimit: 20_000 });
    for (let i = 0; i < 20; i++) await store.write([group(now + i, { s: 'x'.repeat(2000) })]);
    await waitFor(() => store.stats().compactions > 0 && store.stats().hotBytes < 20_000, { what: 'rows to be moved' });
    expect(await values(store, 'SELECT count(s) FROM m')).toEqual([[0, 20]]);

    const directory = tempDir();
    const early = await open({ directory });
    await early.write([group(START, { v: 1 }), group(now, { v: 2 })]);
    await early.close();
    // What was hot before the start is moved as soon as its slot is over.
    const later = await open({ directory });
    await waitFor(() => later.stats().compactions === 1, { what: 'the old row to be moved' });
    expect(later.stats().hotRows).toBe(1);
    expect(await values(later, 'SELECT sum(v) FROM m')).toEqual([[0, 3]]);
  });

  it('drops days that are older than the retention', async () => {
    const now = Date.now();
    const directory = tempDir();
    const store = await open({ directory });
    await store.write([group(now - 72 * HOUR, { v: 1 }), group(now, { v: 2 })]);
    await store.compactNow();
    expect(await values(store, 'SELECT sum(v) FROM m')).toEqual([[0, 3]]);
    await store.close();
    const strict = await open({ directory, retentionMs: 24 * HOUR });
    await waitFor(() => readdirSync(join(directory, 'raw')).filter((name) => name.endsWith('.db')).length === 1, { what: 'a file to go' });
    expect(await values(strict, 'SELECT sum(v) FROM m')).toEqual([[0, 2]]);
  });
});

describe('a query', () => {
  it('sees all that was acknowledged before it, once, while rows are moved', async () => {
    const store = await open({ queryWorkers: 2 });
    let acknowledged = 0;
    let writing = true;
    const write = async (): Promise<void> => {
      for (let i = 0; i < 400; i++) {
        await store.write([group(START + i * 60_000, { v: i })]);
        acknowledged = i + 1;
      }
      writing = false;
    };
    const move = async (): Promise<void> => {
      while (writing) await store.compactNow();
    };
    const read = async (): Promise<void> => {
      while (writing) {
        const before = acknowledged;
        const [row] = await values(store, `SELECT count(v), sum(v) FROM m WHERE time >= ${START}ms`);
        const count = Number(row?.[1] ?? 0);
        expect(count).toBeGreaterThanOrEqual(before);
        // Exactly the first `count` points: none is missing between them, none is there twice.
        expect(Number(row?.[2] ?? 0)).toBe((count * (count - 1)) / 2);
      }
    };
    await Promise.all([write(), move(), read(), read()]);
    expect(store.stats().compactions).toBeGreaterThan(5);
  });

  it('that takes too long, or that nobody waits for, ends; the next is answered', async () => {
    const store = await open({ queryTimeoutMs: 300 });
    await store.write(Array.from({ length: 20_000 }, (_, i) => group(START + i * 1000, { v: i })));
    const slow = Array.from(
      { length: 3000 },
      () => `SELECT sum(v) FROM m WHERE time >= ${START}ms AND time < ${START + 20_000_000}ms GROUP BY time(10s)`,
    ).join(';');
    await expect(store.query(slow, { database: 'db' })).rejects.toMatchObject({
      code: 'query',
      message: expect.stringContaining('longer'),
    });
    expect(await values(store, 'SELECT count(v) FROM m')).toEqual([[0, 20_000]]);
    const stop = new AbortController();
    const query = store.query(slow, { database: 'db', signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(query).rejects.toMatchObject({ code: 'query', message: expect.stringContaining('cancelled') });
    await expect(store.query('SELECT v FROM m', { database: 'db', signal: stop.signal })).rejects.toMatchObject({ code: 'query' });
    expect(await values(store, 'SELECT count(v) FROM m')).toEqual([[0, 20_000]]);
  });
});
