import type { FieldValue, Point } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupPoints, parseLines, serializeGroups, serializePoint } from './index.ts';

const never = () => {
  throw new Error('nothing was to be refused');
};

function parse(text: string) {
  return parseLines(text, 'ns', 5_000);
}

describe('serialize', () => {
  // What line protocol has a form for: no line breaks in names, no backslash at their end (tested apart).
  const name = fc
    .string({ minLength: 1, unit: 'binary' })
    .filter((text) => !/\\$|\s$|^\s|[\n\r]/.test(text) && !text.startsWith('\u0000') && !text.startsWith('#') && text !== '__proto__');
  const value: fc.Arbitrary<FieldValue> = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.string({ unit: 'binary' }),
  );
  const point = fc.record({
    measurement: name,
    tags: fc.dictionary(name, name, { maxKeys: 4 }),
    fields: fc.dictionary(name, value, { minKeys: 1, maxKeys: 5 }),
  });

  it('writes what the parser reads back', () => {
    const time = fc.record({
      time: fc.integer({ min: -9_223_000_000_000, max: 9_223_000_000_000 }),
      nanos: fc.integer({ min: 0, max: 999_999 }),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(point, time), { minLength: 1, maxLength: 5 }), (all) => {
        const groups = all.map(([one, at]) => ({ database: 'd', source: 's', ...at, points: [{ ...one, types: {} }] }));
        const text = serializeGroups(groups, never)
          .map((line) => line.text)
          .join('\n');
        const { points, errors } = parse(text);
        expect(errors).toEqual([]);
        expect(
          points.map(({ point: read, time: ms, nanos }) => ({ ms, nanos, m: read.measurement, tags: read.tags, fields: read.fields })),
        ).toEqual(
          all.map(([one, at]) => ({
            ms: at.time,
            nanos: at.nanos,
            m: one.measurement,
            tags: plain(one.tags),
            fields: narrowed(one.fields),
          })),
        );
      }),
      { numRuns: 500 },
    );
  });

  function plain<T>(record: Record<string, T>): Record<string, T> {
    return { ...record };
  }

  /** The parser gives numbers where they are exact; minus zero is zero in line protocol. */
  function narrowed(fields: Record<string, FieldValue>): Record<string, FieldValue> {
    const narrow = (one: FieldValue) =>
      typeof one === 'bigint' && Number.isSafeInteger(Number(one)) ? Number(one) : typeof one === 'number' ? one + 0 : one;
    return Object.fromEntries(Object.entries(fields).map(([key, one]) => [key, narrow(one)]));
  }

  const line = (one: Partial<Point>) => serializePoint({ measurement: 'm', tags: {}, fields: { f: 1 }, types: {}, ...one }, 0, '1', never);

  it('drops the backslash at the end of names and tags, writes line breaks as \\n, leaves out empty tags', () => {
    expect(line({ tags: { a: 'C:\\', b: '', c: 'x\ny', 'd\\': '1' } })).toBe('m,a=C:,c=x\\ny,d=1 f=1 1');
  });

  it('writes declared types', () => {
    expect(line({ fields: { f: 1, i: 2, b: 3n, s: 'a"b\\' }, types: { i: 'int', b: 'float' } })).toBe('m f=1,i=2i,b=3,s="a\\"b\\\\" 1');
    expect(line({ fields: { f: 2 ** 60 }, types: { f: 'int' } })).toBe('m f=1152921504606846976i 1');
  });

  it('refuses fields that do not fit, and keeps the rest', () => {
    const refused: unknown[] = [];
    const fields = { ok: 1, nan: Number.NaN, half: 1.5, word: 'x', flag: true, big: 2n ** 63n };
    const types = { half: 'int', word: 'float', flag: 'string' } as const;
    const text = serializePoint({ measurement: 'm', tags: {}, fields, types }, 3, '1', (group, measurement, field) =>
      refused.push([group, measurement, field]),
    );
    expect(text).toBe('m ok=1 1');
    expect(refused).toEqual(['nan', 'half', 'word', 'flag', 'big'].map((field) => [3, 'm', field]));
    expect(serializePoint({ measurement: '#m', tags: {}, fields, types }, 3, '1', (...what) => refused.push(what))).toBeNull();
  });
});

it('groups the points of one host and time', () => {
  const { points } = parse('a,host=x v=1 1000000\nb,host=x v=1 1000000\na,host=y v=1 1000000\na,host=x v=1 1000001\nc v=1 1000000');
  const groups = groupPoints(points, 'db');
  expect(groups.map(({ source, time, nanos, points: members }) => [source, time, nanos, members.length])).toEqual([
    ['line/x', 1, undefined, 2],
    ['line/y', 1, undefined, 1],
    ['line/x', 1, 1, 1],
    ['line/', 1, undefined, 1],
  ]);
  expect(groups.every(({ database }) => database === 'db')).toBe(true);
});
