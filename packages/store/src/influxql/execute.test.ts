import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError } from '../series-store.ts';
import { CORPUS } from './corpus.testkit.ts';
import { aligned, comparable, DATABASE, sampleGroups, T0 } from './differential.testkit.ts';
import { execute, parseQuery, quoteExactRegex, quoteIdentifier, quoteString } from './index.ts';
import { MemoryReader } from './memory-reader.testkit.ts';
import { bucketQuery, wholeQuery } from './query.testkit.ts';

let reader: MemoryReader;
beforeEach(() => {
  reader = new MemoryReader();
});

function write(
  measurement: string,
  rows: readonly [ms: number, tags: Record<string, string>, fields: Record<string, number | string | boolean | bigint>][],
): void {
  reader.write(
    rows.map(([time, tags, fields]) => ({ database: 'db', source: 's', time, points: [{ measurement, tags, fields, types: {} }] })),
  );
}

function run(influxql: string, now = 100_000) {
  const { results } = execute(reader, influxql, { database: 'db', epoch: 'ms', now });
  return results[0] ?? { statement_id: 0 };
}

const rows = (influxql: string, now?: number) => run(influxql, now).series?.flatMap(({ values }) => values);

describe('aggregates', () => {
  beforeEach(() =>
    write('m', [
      [1000, { host: 'a' }, { v: 1 }],
      [2000, { host: 'a' }, { v: 3 }],
      [12_000, { host: 'a' }, { v: 5 }],
      [1500, { host: 'b' }, { v: 10 }],
    ]),
  );

  it('by time and tag', () => {
    expect(run('SELECT mean(v) FROM m WHERE time >= 0 AND time < 30s GROUP BY time(10s), host').series).toEqual([
      {
        name: 'm',
        tags: { host: 'a' },
        columns: ['time', 'mean'],
        values: [
          [0, 2],
          [10_000, 5],
          [20_000, null],
        ],
      },
      {
        name: 'm',
        tags: { host: 'b' },
        columns: ['time', 'mean'],
        values: [
          [0, 10],
          [10_000, null],
          [20_000, null],
        ],
      },
    ]);
  });

  it('end now where there is no other end', () => {
    expect(rows('SELECT count(v) FROM m WHERE time >= 0 GROUP BY time(10s)', 25_000)).toEqual([
      [0, 3],
      [10_000, 1],
      [20_000, 0],
    ]);
  });

  it('have the time of the lower bound, or the epoch; a selector has its point', () => {
    expect(rows('SELECT mean(v) FROM m')).toEqual([[0, 4.75]]);
    expect(rows('SELECT mean(v) FROM m WHERE time >= 1500ms')).toEqual([[1500, 6]]);
    expect(rows('SELECT max(v) FROM m')).toEqual([[1500, 10]]);
    expect(rows('SELECT max(v), host FROM m')).toEqual([[1500, 10, 'b']]);
  });

  it('sum integers without loss, wrapping as 64 bits do', () => {
    write('big', [
      [1, {}, { v: 9_007_199_254_740_993n }],
      [2, {}, { v: 2n ** 62n }],
      [3, {}, { v: 2n ** 62n }],
    ]);
    expect(rows('SELECT sum(v) FROM big WHERE time <= 2ms')).toEqual([[0, 2n ** 62n + 9_007_199_254_740_993n]]);
    expect(rows('SELECT sum(v) FROM big WHERE time >= 2ms')).toEqual([[2, -(2n ** 63n)]]);
    write(
      'many',
      Array.from({ length: 30 }, (_, i) => [i, {}, { v: 2n ** 53n - 1n }]),
    );
    expect(rows('SELECT sum(v), max(v), spread(v) FROM many')).toEqual([[0, 30n * (2n ** 53n - 1n), Number(2n ** 53n - 1n), 0]]);
  });
});

describe('reading', () => {
  it('asks for the newest point only, where last() is all that is asked', () => {
    write('m', [
      [1000, { host: 'a' }, { v: 1 }],
      [2000, { host: 'a' }, { v: 2 }],
      [1500, { host: 'b' }, { v: 3 }],
    ]);
    const scan = vi.spyOn(reader, 'scan');
    expect(rows('SELECT last(v) FROM m GROUP BY host')).toEqual([
      [2000, 2],
      [1500, 3],
    ]);
    expect(rows('SELECT last(v) FROM m')).toEqual([[2000, 2]]);
    expect(scan).not.toHaveBeenCalled();
    expect(rows("SELECT last(v) FROM m WHERE v < 2 AND host = 'a'")).toEqual([[1000, 1]]);
    expect(scan).toHaveBeenCalled();
  });

  it('reads only what is near the end for the newest rows', () => {
    const hour = 3_600_000;
    write(
      'm',
      Array.from({ length: 100 }, (_, i) => [i * hour, {}, { v: i }]),
    );
    const scan = vi.spyOn(reader, 'scan');
    expect(rows('SELECT v FROM m ORDER BY time DESC LIMIT 2')).toEqual([
      [99 * hour, 99],
      [98 * hour, 98],
    ]);
    expect(Math.min(...scan.mock.calls.map(([, , from]) => from))).toBeGreaterThan(90 * hour);
  });

  it('gives the same answers from summaries as from rows', () => {
    const groups = sampleGroups().map(({ nanos: _, ...group }) => group);
    const all = new MemoryReader(1_000_000);
    const inBlocks = new MemoryReader(5);
    all.write(groups);
    inBlocks.write(groups);
    fc.assert(
      fc.property(fc.oneof(bucketQuery, wholeQuery), (influxql) => {
        const options = { database: DATABASE, epoch: 'ms', now: T0 + 3 * 3_600_000 } as const;
        const wanted = comparable(execute(all, influxql, options));
        expect(aligned(comparable(execute(inBlocks, influxql, options)), wanted)).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
    expect(inBlocks.summarised).toBeGreaterThan(0);
  });
});

describe('bounds', () => {
  it('refuse more buckets than an answer may have', () => {
    write('m', [[0, {}, { v: 1 }]]);
    expect(run('SELECT mean(v) FROM m WHERE time >= 0 AND time < 1000h GROUP BY time(1s)').error).toBe(
      'max-select-buckets limit exceeded: (3600000/500000)',
    );
    expect(run('SELECT mean(v) FROM m GROUP BY time(1ms)', 1_700_000_000_000).error).toContain('max-select-buckets limit exceeded');
  });

  it('refuse more points than a query may hold, and say what helps', () => {
    reader = new MemoryReader(2_000_000);
    const values = { n: 1_000_001, times: Float64Array.from({ length: 1_000_001 }, (_, i) => i), nanos: null } as const;
    const column = { type: 'float', values: values.times, valid: null } as const;
    write('m', [[0, {}, { v: 1 }]]);
    vi.spyOn(reader, 'scan').mockImplementation(() => [{ kind: 'rows', ...values, columns: [column] }]);
    expect(run('SELECT v FROM m').error).toMatch(/more than 1000000 points; narrow its time range/);
    expect(rows('SELECT count(v) FROM m')).toEqual([[0, 1_000_001]]);
    expect(rows('SELECT median(v) FROM m')).toEqual([[0, 500_000]]);
    expect(rows('SELECT v FROM m LIMIT 2')).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('refuse to hold too many values for an aggregate that needs all of them at once', () => {
    const values = Float64Array.from({ length: 1_000_000 }, (_, i) => i);
    const block = {
      kind: 'rows',
      n: values.length,
      times: values,
      nanos: null,
      columns: [{ type: 'float', values, valid: null }],
    } as const;
    write('m', [[0, {}, { v: 1 }]]);
    vi.spyOn(reader, 'scan').mockImplementation(() => [block, block, block, block, block]);
    expect(run('SELECT median(v) FROM m').error).toMatch(/median\(\) over more than 4000000 points/);
    expect(rows('SELECT mean(v) FROM m')).toEqual([[0, 499_999.5]]);
  });

  it('refuse text that is too long or too deep before it does harm', () => {
    expect(() => parseQuery('x'.repeat(1_000_001))).toThrow(StoreError);
    expect(() => parseQuery(`SELECT ${'('.repeat(5000)}v`)).toThrow(/deeper than/);
    expect(() => parseQuery(`SELECT ${'-'.repeat(5000)}v FROM m`)).toThrow(StoreError);
    expect(() => parseQuery(`SELECT v${' + v'.repeat(5000)} FROM m`)).toThrow(/longer than/);
    expect(() => parseQuery(`SELECT v FROM ${'(SELECT v FROM '.repeat(50)}m`)).toThrow(/deeper than/);
  });
});

it('names what it does not know, and what there is not', () => {
  write('m', [[0, {}, { v: 1 }]]);
  const error = (influxql: string) => run(influxql).error;
  expect(error('SELECT v INTO n FROM m')).toBe('hostwire: SELECT INTO is not supported');
  expect(error('SELECT top(v, 3) FROM m')).toBe('hostwire: top() is not supported');
  expect(error('SELECT integral(v) FROM m')).toBe('hostwire: integral() is not supported');
  expect(error('SELECT mean(v) FROM m WHERE time > 0 AND time < 1s GROUP BY time(10u)')).toBe(
    'hostwire: GROUP BY time() finer than 1ms is not supported',
  );
  expect(error('DROP DATABASE "db"')).toBe('hostwire: DROP DATABASE is not supported');
  expect(error('DELETE FROM m WHERE time < 5')).toBe('hostwire: DELETE FROM is not supported');
  expect(error('SHOW CONTINUOUS QUERIES')).toBe('hostwire: SHOW CONTINUOUS QUERIES is not supported');
  expect(error('SHOW SERIES CARDINALITY')).toBe('hostwire: SHOW SERIES CARDINALITY is not supported');
  expect(error('SELECT v FROM "other"..m')).toBe('database not found: other');
  expect(error('SELECT v FROM "db"."week".m')).toBe('retention policy not found: week');
  expect(error('CREATE DATABASE x WITH DURATION 3d')).toContain('CREATE DATABASE is not supported here');
});

it('goes on after a statement that is not supported only up to it', () => {
  write('m', [[0, {}, { v: 1 }]]);
  const { results } = execute(reader, 'SHOW MEASUREMENTS; DROP SERIES FROM /x;y/; SHOW MEASUREMENTS', { database: 'db' });
  expect(results.map(({ error, series }) => error ?? series?.length)).toEqual([1, 'hostwire: DROP SERIES is not supported']);
});

it('takes names that every object has for names like others', () => {
  write('constructor', [[5, { valueOf: 'a' }, { toString: 1, hasOwnProperty: 2 }]]);
  expect(run('SELECT toString, hasOwnProperty FROM constructor GROUP BY constructor, valueOf').series).toEqual([
    { name: 'constructor', tags: { constructor: '', valueOf: 'a' }, columns: ['time', 'toString', 'hasOwnProperty'], values: [[5, 1, 2]] },
  ]);
  expect(rows("SELECT toString FROM constructor WHERE isPrototypeOf = ''")).toEqual([[5, 1]]);
});

describe('quoting', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom('"', "'", '\\', '\n', '/', ';', '--', ' ', 'x', '\r', '*/')).map((parts) => parts.join('')),
  );

  it('of names and texts is read back as what it was, and nothing more', () => {
    fc.assert(
      fc.property(text, text, text, (measurement, tag, value) => {
        const influxql = `SELECT ${quoteIdentifier(tag)} FROM ${quoteIdentifier(measurement)} WHERE ${quoteIdentifier(tag)} = ${quoteString(value)} LIMIT 7`;
        expect(parseQuery(influxql)).toEqual([
          expect.objectContaining({
            fields: [{ expr: { kind: 'ref', name: tag } }],
            sources: [{ kind: 'measurement', name: measurement }],
            where: { kind: 'binary', op: '=', left: { kind: 'ref', name: tag }, right: { kind: 'string', value } },
            limit: 7,
          }),
        ]);
      }),
      { numRuns: 500 },
    );
  });

  it('of texts as a regular expression matches these texts alone', () => {
    const line = text.filter((one) => !one.includes('\n'));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 3 }), line, (wanted, other) => {
        const [statement] = parseQuery(`SELECT v FROM m WHERE t =~ ${quoteExactRegex(wanted)}`);
        const regex =
          statement?.kind === 'select' && statement.where?.kind === 'binary' && statement.where.right.kind === 'regex'
            ? statement.where.right.regex
            : /$^/;
        for (const one of wanted) expect(regex.test(one)).toBe(true);
        expect(regex.test(other)).toBe(wanted.includes(other));
      }),
      { numRuns: 500 },
    );
    expect(() => quoteExactRegex(['a\nb'])).toThrow(StoreError);
  });
});

it('answers or refuses whatever it is given, and never fails otherwise', () => {
  reader.write(sampleGroups().slice(0, 30));
  const words = fc.constantFrom(
    ...'SELECT FROM WHERE GROUP BY time ( ) , * / % + - = != < > =~ !~ AND OR AS fill ORDER LIMIT SLIMIT OFFSET SHOW TAG VALUES KEYS WITH KEY SERIES IN cpu usage mean last 1m 5 0.5 now() tz "x" \'y\' ; :: . field /a/ /( \u00b5 \' " \\'.split(
      ' ',
    ),
  );
  const mutated = fc.tuple(fc.constantFrom(...CORPUS), fc.nat(), fc.nat(5), words).map(([query, at, cut, word]) => {
    const start = at % (query.length + 1);
    return `${query.slice(0, start)} ${word} ${query.slice(start + cut)}`;
  });
  const soup = fc.array(words, { maxLength: 25 }).map((parts) => parts.join(' '));
  fc.assert(
    fc.property(fc.oneof(mutated, soup, fc.string({ unit: 'binary' })), (influxql) => {
      try {
        execute(reader, influxql, { database: DATABASE, now: T0 + 1000 });
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
      }
    }),
    { numRuns: 3000 },
  );
});
