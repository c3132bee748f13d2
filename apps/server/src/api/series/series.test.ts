import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_VALUES, toColumns } from './answer.ts';
import { parseConditions, parseHosts } from './conditions.ts';
import { chooseStep, MAX_BUCKETS, parseRange } from './range.ts';
import { MAX_SERIES, type SeriesPlan, toInfluxQL } from './statement.ts';

const NOW = 1_790_000_000_000;
const plan: SeriesPlan = {
  measurement: 'cpu',
  field: 'usage_active',
  aggregate: 'mean',
  range: { from: 12_000, to: 31_000 },
  step: 10_000,
  hosts: [],
  groupBy: ['host'],
  where: [],
};

describe('ranges', () => {
  it('are ms, ISO 8601, now, or relative', () => {
    expect(parseRange(undefined, undefined, NOW)).toEqual({ from: NOW - 3_600_000, to: NOW });
    expect(parseRange('1000', '2000', NOW)).toEqual({ from: 1000, to: 2000 });
    expect(parseRange('2026-04-22T09:00:00Z', '2026-04-22T11:30:00+02:00', NOW)).toEqual({ from: 1776848400000, to: 1776850200000 });
    expect(parseRange('-15m', '-5m', NOW)).toEqual({ from: NOW - 900_000, to: NOW - 300_000 });
  });

  it('are refused if they are anything else, or end before they begin', () => {
    for (const from of ['yesterday', '1e3', '-1', '2026-04-22T09:00', '9'.repeat(16), 'now; DROP', 'now']) {
      expect(() => parseRange(from, undefined, NOW), from).toThrow(expect.objectContaining({ code: 'invalid' }));
    }
  });
});

describe('steps', () => {
  it('give about 300 buckets and are never shorter than the interval', () => {
    expect(chooseStep(undefined, { from: 0, to: 900_000 }, 5000)).toBe(5000);
    expect(chooseStep(undefined, { from: 0, to: 3_600_000 }, 5000)).toBe(15_000);
    expect(chooseStep(undefined, { from: 0, to: 900_000 }, 30_000)).toBe(30_000);
    expect(chooseStep(undefined, { from: 0, to: 30 * 86_400_000 }, 5000)).toBe(3 * 3_600_000);
    expect(chooseStep('90s', { from: 0, to: 900_000 }, 5000)).toBe(90_000);
  });

  it('are refused beyond the limit of buckets, whatever is asked for', () => {
    expect(() => chooseStep('1s', { from: 0, to: 3_600_000 * 24 }, 0)).toThrow(expect.objectContaining({ code: 'too-many-buckets' }));
    fc.assert(
      fc.property(
        fc.nat(7_258_118_400_000),
        fc.integer({ min: 1, max: 7_258_118_400_000 }),
        fc.nat(86_400_000),
        (from, length, interval) => {
          const step = chooseStep(undefined, { from, to: from + length }, interval);
          expect(step).toBeGreaterThanOrEqual(interval);
          expect(length / step).toBeLessThan(MAX_BUCKETS);
        },
      ),
    );
  });
});

describe('conditions', () => {
  it('are tag:value and !tag:value, with a backslash before what stands for itself', () => {
    expect(parseConditions('cpu:cpu-total,!fstype:tmpfs')).toEqual([
      { tag: 'cpu', value: 'cpu-total', exclude: false },
      { tag: 'fstype', value: 'tmpfs', exclude: true },
    ]);
    expect(parseConditions('path:C\\:\\\\a\\,b')).toEqual([{ tag: 'path', value: 'C:\\a,b', exclude: false }]);
    expect(parseConditions('a:b:c')).toEqual([{ tag: 'a', value: 'b:c', exclude: false }]);
  });

  it('come back as they were escaped, for any text', () => {
    const escaped = (text: string) => text.replace(/[\\,:!]/g, '\\$&');
    const condition = fc.record({ tag: fc.string({ minLength: 1 }), value: fc.string(), exclude: fc.boolean() });
    fc.assert(
      fc.property(fc.array(condition, { minLength: 1 }), (conditions) => {
        const text = conditions.map(({ tag, value, exclude }) => `${exclude ? '!' : ''}${escaped(tag)}:${escaped(value)}`).join(',');
        expect(parseConditions(text)).toEqual(conditions);
      }),
    );
  });

  it('are refused without a tag, and hosts that are no host ids', () => {
    for (const text of ['cpu', ':x', 'a:b,', ',', '!'])
      expect(() => parseConditions(text), text).toThrow(expect.objectContaining({ code: 'invalid' }));
    expect(() => parseHosts("pve1,' OR 1=1")).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

describe('the statement', () => {
  it('asks for whole buckets, and for one more before a rate', () => {
    expect(toInfluxQL({ ...plan, hosts: ['a', 'b'], where: [{ tag: 'cpu', value: 'cpu-total', exclude: false }] })).toBe(
      `SELECT mean("usage_active") AS "value" FROM "cpu" WHERE time >= 10000ms AND time < 31000ms AND ("host"::tag = 'a' OR "host"::tag = 'b') AND "cpu"::tag = 'cpu-total' GROUP BY time(10000ms), "host" fill(none)`,
    );
    expect(toInfluxQL({ ...plan, aggregate: 'rate' })).toContain(
      'non_negative_derivative(last("usage_active"), 1s) AS "value" FROM "cpu" WHERE time >= 0ms',
    );
  });
});

describe('the answer', () => {
  const series = (values: [number, number][]) => ({ name: 'cpu', tags: { host: 'a' }, columns: ['time', 'value'], values });

  it('covers the whole range with nulls where nothing was, and without the lead-in', () => {
    const { times, series: columns } = toColumns(plan, {
      results: [
        {
          statement_id: 0,
          series: [
            series([
              [0, 9],
              [10_000, 1],
              [30_000, 3],
            ]),
          ],
        },
      ],
    });
    expect(times).toEqual([10_000, 20_000, 30_000]);
    expect(columns).toEqual([{ tags: { host: 'a' }, values: [1, null, 3] }]);
  });

  it('is an error if the store says so, or if there are too many series', () => {
    expect(() => toColumns(plan, { results: [{ statement_id: 0, error: 'timeout' }] })).toThrow(
      expect.objectContaining({ code: 'store-failed' }),
    );
    const many = Array.from({ length: MAX_SERIES + 1 }, () => series([]));
    expect(() => toColumns(plan, { results: [{ statement_id: 0, series: many }] })).toThrow(
      expect.objectContaining({ code: 'too-many-series' }),
    );
  });

  it('is refused if the series and the buckets are too many together, here or in the store', () => {
    const series = (count: number) => Array.from({ length: count }, () => ({ name: 'cpu', columns: ['time', 'value'], values: [] }));
    const fine: SeriesPlan = { ...plan, range: { from: 0, to: 1000 * plan.step } };
    const answer = (count: number) => toColumns(fine, { results: [{ statement_id: 0, series: series(count) }] });
    expect(answer(MAX_VALUES / 1000).series).toHaveLength(MAX_VALUES / 1000);
    const refusal = expect.objectContaining({ code: 'too-many-values' });
    expect(() => answer(MAX_VALUES / 1000 + 1)).toThrow(refusal);
    const error = 'hostwire: the query holds more than 1000000 points; narrow its time range or its series, or add a LIMIT';
    expect(() => toColumns(plan, { results: [{ statement_id: 0, error }] })).toThrow(refusal);
  });
});
