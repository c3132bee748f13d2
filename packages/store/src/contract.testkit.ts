import type { FieldType, FieldValue, PointGroup, Tags } from '@hostwire/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quoteIdentifier, quoteString } from './influxql/quote.ts';
import type { QuerySeries, QueryValue, SeriesStore } from './series-store.ts';

/** 2026-09-21T14:13:20Z: the beginning of a minute, and of ten seconds. */
const T0 = 1_789_999_980_000;
const DATABASE = 'contract';

export interface OpenStore {
  readonly store: SeriesStore;
  /** After the store has been closed. */
  readonly dispose: () => Promise<void>;
}

interface Written {
  readonly measurement: string;
  readonly tags?: Tags;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly types?: Readonly<Record<string, FieldType>>;
}

function group(time: number, points: readonly Written[], nanos?: number): PointGroup {
  const complete = points.map(({ measurement, tags = { host: 'pve1' }, fields, types = {} }) => ({ measurement, tags, fields, types }));
  return { database: DATABASE, source: 'pve1/fast', time, ...(nanos === undefined ? {} : { nanos }), points: complete };
}

/** What every SeriesStore promises. Each test has measurements of its own, so that one store serves all of them. */
export function seriesStoreContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`SeriesStore: ${name}`, () => {
    let opened: OpenStore;
    let store: SeriesStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(async () => {
      await store.close();
      await opened.dispose();
    });

    async function write(...groups: readonly PointGroup[]): Promise<void> {
      expect(await store.write(groups)).toEqual({ rejected: [] });
    }

    async function series(influxql: string): Promise<readonly QuerySeries[]> {
      const { results } = await store.query(influxql, { database: DATABASE, epoch: 'ms' });
      expect(results.map(({ error }) => error)).toEqual(results.map(() => undefined));
      return results.flatMap((result) => result.series ?? []);
    }

    async function values(influxql: string): Promise<readonly (readonly QueryValue[])[]> {
      return (await series(influxql)).flatMap((found) => found.values);
    }

    it('gives back what was written, of every type', async () => {
      const fields = { f: 1.5, i: 42, s: 'text', t: true, n: false, negative: -0.25, tiny: 1e-9, huge: 1.25e30 };
      await write(group(T0, [{ measurement: 'types', fields, types: { i: 'int' } }]));
      const [found] = await series('SELECT * FROM types');
      expect(found).toEqual({
        name: 'types',
        columns: ['time', 'f', 'host', 'huge', 'i', 'n', 'negative', 's', 't', 'tiny'],
        values: [[T0, 1.5, 'pve1', 1.25e30, 42, false, -0.25, 'text', true, 1e-9]],
      });
    });

    it('keeps the types apart', async () => {
      await write(group(T0, [{ measurement: 'kinds', fields: { a: 1, b: 1, c: 'x', d: true }, types: { b: 'int' } }]));
      expect(await values('SHOW FIELD KEYS FROM kinds')).toEqual([
        ['a', 'float'],
        ['b', 'integer'],
        ['c', 'string'],
        ['d', 'boolean'],
      ]);
    });

    it('keeps integers that a double cannot hold', async () => {
      const big = 9_007_199_254_740_993n;
      await write(
        group(T0, [{ measurement: 'big', fields: { v: big, least: -(2n ** 63n) } }]),
        group(T0 + 1000, [{ measurement: 'big', fields: { v: 1n } }]),
      );
      expect(await values('SELECT v FROM big')).toEqual([
        [T0, big],
        [T0 + 1000, 1],
      ]);
      expect(await values('SELECT least FROM big')).toEqual([[T0, -9_223_372_036_854_775_808n]]);
      expect(await values('SELECT sum(v), count(v), max(v) FROM big')).toEqual([[0, big + 1n, 2, big]]);
    });

    it('keeps strings with quotes, backslashes, line breaks and every script', async () => {
      const texts = [
        '',
        '"',
        "it's",
        '\\',
        'a\\',
        '\\"',
        'line\nbreak',
        'tab\there',
        'a,b=c d',
        'gr\u00fc\u00df \u4f60\u597d \ud83d\ude80',
        '\u0001',
      ];
      await write(...texts.map((s, i) => group(T0 + i, [{ measurement: 'strings', fields: { s } }])));
      expect(await values('SELECT s FROM strings')).toEqual(texts.map((s, i) => [T0 + i, s]));
    });

    it('keeps names and tags with characters that line protocol escapes', async () => {
      const odd = 'a b,c=d "e" \\f \u00fc';
      const tags = { [`key ${odd}`]: odd, host: 'pve 1' };
      await write(group(T0, [{ measurement: odd, tags, fields: { [odd]: 7 } }]));
      const where = `${quoteIdentifier(`key ${odd}`)} = ${quoteString(odd)}`;
      const [found] = await series(`SELECT ${quoteIdentifier(odd)} FROM ${quoteIdentifier(odd)} WHERE ${where} GROUP BY *`);
      expect(found).toEqual({ name: odd, tags, columns: ['time', odd], values: [[T0, 7]] });
    });

    it('takes the same write again without a difference, and a later value over an earlier one', async () => {
      const first = group(T0, [{ measurement: 'again', fields: { a: 1, b: 2 } }]);
      await write(first);
      await write(first, first);
      expect(await values('SELECT a, b FROM again')).toEqual([[T0, 1, 2]]);
      await write(group(T0, [{ measurement: 'again', fields: { b: 3, c: 4 } }]));
      expect(await values('SELECT a, b, c FROM again')).toEqual([[T0, 1, 3, 4]]);
      expect(await values('SELECT count(a), sum(b) FROM again')).toEqual([[0, 1, 3]]);
    });

    it('tells nanoseconds apart', async () => {
      const at = (nanos: number, v: number) => group(T0, [{ measurement: 'nanos', fields: { v } }], nanos);
      await write(at(0, 1), at(1, 2), at(999_999, 3));
      const answer = await store.query('SELECT v FROM nanos', { database: DATABASE, epoch: 'ns' });
      const start = BigInt(T0) * 1_000_000n;
      expect(answer.results[0]?.series?.[0]?.values).toEqual([
        [start, 1],
        [start + 1n, 2],
        [start + 999_999n, 3],
      ]);
      expect(await values(`SELECT v FROM nanos WHERE time > ${start} AND time <= ${start + 999_999n}`)).toEqual([
        [T0, 2],
        [T0, 3],
      ]);
    });

    it('takes an int for a float field and a whole float for an int field', async () => {
      await write(group(T0, [{ measurement: 'coerced', fields: { f: 1.5, i: 1 }, types: { f: 'float', i: 'int' } }]));
      await write(group(T0 + 1000, [{ measurement: 'coerced', fields: { f: 2, i: 2 }, types: { f: 'int', i: 'float' } }]));
      expect(await values('SELECT f, i FROM coerced')).toEqual([
        [T0, 1.5, 1],
        [T0 + 1000, 2, 2],
      ]);
    });

    it('leaves out a field of another type, names it, and stores the rest', async () => {
      await write(group(T0, [{ measurement: 'conflict', fields: { v: 1, w: 1 } }]));
      const { rejected } = await store.write([
        group(T0 + 1000, [{ measurement: 'conflict', fields: { v: 2, w: 2 } }]),
        group(T0 + 2000, [
          { measurement: 'conflict', fields: { v: 'three', w: 3 } },
          { measurement: 'conflict', tags: { host: 'pve2' }, fields: { w: 30 } },
        ]),
        group(T0 + 3000, [{ measurement: 'conflict', fields: { v: 4, w: 4 } }]),
      ]);
      expect(rejected).toEqual([{ group: 1, measurement: 'conflict', field: 'v', code: 'type-conflict', message: expect.any(String) }]);
      expect(await values("SELECT v, w FROM conflict WHERE host = 'pve1'")).toEqual([
        [T0, 1, 1],
        [T0 + 1000, 2, 2],
        [T0 + 2000, null, 3],
        [T0 + 3000, 4, 4],
      ]);
      expect(await values("SELECT w FROM conflict WHERE host = 'pve2'")).toEqual([[T0 + 2000, 30]]);
    });

    it('rejects NaN and infinities and keeps the rest', async () => {
      const { rejected } = await store.write([
        group(T0, [{ measurement: 'nan', fields: { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: 1 } }]),
      ]);
      expect(rejected.map(({ field }) => field).sort()).toEqual(['a', 'b']);
      expect(await values('SELECT * FROM nan')).toEqual([[T0, 1, 'pve1']]);
    });

    describe('queries', () => {
      const hosts = ['a', 'b'];

      beforeAll(async () => {
        const groups: PointGroup[] = [];
        for (let i = 0; i < 60; i++) {
          for (const host of hosts) {
            if (host === 'b' && i >= 20 && i < 40) continue;
            const usage = i + (host === 'a' ? 0 : 100);
            groups.push(
              group(T0 + i * 10_000, [
                { measurement: 'cpu', tags: { cpu: 'cpu-total', host }, fields: { usage, total: i * 5 }, types: { total: 'int' } },
              ]),
            );
          }
        }
        await write(...groups);
      });

      const W = `time >= ${T0}ms AND time < ${T0 + 600_000}ms`;

      it('aggregates by time and tags', async () => {
        const found = await series(`SELECT mean(usage), max(total) FROM cpu WHERE ${W} GROUP BY time(5m), host`);
        expect(found.map(({ tags }) => tags)).toEqual([{ host: 'a' }, { host: 'b' }]);
        expect(found[0]?.columns).toEqual(['time', 'mean', 'max']);
        expect(found[0]?.values.map(([, mean]) => mean)).toHaveLength(3);
        expect(await values(`SELECT count(usage) FROM cpu WHERE ${W}`)).toEqual([[T0, 100]]);
      });

      it('fills what is missing', async () => {
        const ask = (fill: string) => values(`SELECT mean(usage) FROM cpu WHERE ${W} AND host = 'b' GROUP BY time(1m) ${fill}`);
        const means = async (fill: string) => (await ask(fill)).map(([, mean]) => mean);
        expect(await means('fill(none)')).toHaveLength(8);
        expect((await means('')).filter((mean) => mean === null)).toHaveLength(2);
        expect((await means('fill(-1)')).filter((mean) => mean === -1)).toHaveLength(2);
        const carried = await means('fill(previous)');
        expect(carried[4]).toBe(carried[3]);
        expect(carried).not.toContain(null);
        const line = await means('fill(linear)');
        expect(Number(line[4])).toBeGreaterThan(Number(line[3]));
        expect(Number(line[5])).toBeGreaterThan(Number(line[4]));
      });

      it('finds the last value of each series, and as of a time', async () => {
        const last = await series('SELECT last(usage) FROM cpu GROUP BY host');
        expect(last.map(({ tags, values: rows }) => [tags?.['host'], ...(rows[0] ?? [])])).toEqual([
          ['a', T0 + 590_000, 59],
          ['b', T0 + 590_000, 159],
        ]);
        const before = await series(`SELECT last(usage) FROM cpu WHERE time < ${T0 + 300_000}ms GROUP BY host`);
        expect(before.map(({ values: rows }) => rows[0])).toEqual([
          [T0 + 290_000, 29],
          [T0 + 190_000, 119],
        ]);
      });

      it('rates counters', async () => {
        const rates = await values(`SELECT non_negative_derivative(last(total), 1s) FROM cpu WHERE host = 'a' AND ${W} GROUP BY time(1m)`);
        expect(rates).toHaveLength(9);
        for (const [, rate] of rates) expect(rate).toBeCloseTo(0.5);
      });

      it('orders and limits', async () => {
        expect(await values("SELECT usage FROM cpu WHERE host = 'a' ORDER BY time DESC LIMIT 2")).toEqual([
          [T0 + 590_000, 59],
          [T0 + 580_000, 58],
        ]);
        expect(await values("SELECT usage FROM cpu WHERE host = 'a' LIMIT 1 OFFSET 3")).toEqual([[T0 + 30_000, 3]]);
      });

      it('answers RFC 3339 without an epoch', async () => {
        const answer = await store.query("SELECT first(usage) FROM cpu WHERE host = 'a'", { database: DATABASE });
        expect(answer.results[0]?.series?.[0]?.values).toEqual([[new Date(T0).toISOString().replace('.000Z', 'Z'), 0]]);
      });

      it('lists what there is', async () => {
        expect(await values('SHOW DATABASES')).toContainEqual([DATABASE]);
        expect(await values('SHOW MEASUREMENTS WITH MEASUREMENT = cpu')).toEqual([['cpu']]);
        expect(await values('SHOW TAG KEYS FROM cpu')).toEqual([['cpu'], ['host']]);
        expect(await values('SHOW TAG VALUES FROM cpu WITH KEY = host')).toEqual([
          ['host', 'a'],
          ['host', 'b'],
        ]);
      });

      it('answers several statements, and nothing for nothing', async () => {
        const { results } = await store.query('SELECT usage FROM nothing; SHOW MEASUREMENTS WITH MEASUREMENT = cpu', {
          database: DATABASE,
        });
        expect(results.map(({ series: found }) => found?.length)).toEqual([undefined, 1]);
      });
    });

    it('refuses what is no InfluxQL, and tells the error of a statement in its result', async () => {
      await expect(store.query('SELEKT 1', { database: DATABASE })).rejects.toMatchObject({ name: 'StoreError', code: 'query' });
      const { results } = await store.query('SELECT nope(v) FROM types', { database: DATABASE });
      expect(results[0]?.error).toContain('undefined function nope()');
    });

    it('has durably taken many writes that were made at the same time', async () => {
      const writes = Array.from({ length: 40 }, (_, i) => write(group(T0 + i, [{ measurement: 'parallel', fields: { v: i } }])));
      await Promise.all(writes);
      expect(await values('SELECT count(v), sum(v) FROM parallel')).toEqual([[0, 40, 780]]);
    });
  });
}
