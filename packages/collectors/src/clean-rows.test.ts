import type { MeasurementDeclaration, Row } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanRows, cut, printable } from './clean-rows.ts';
import { counter, gauge, state } from './declare.ts';

const measurements: Record<string, MeasurementDeclaration> = {
  thing: {
    help: '',
    tags: { name: '' },
    fields: {
      level: gauge('float', 'percent', ''),
      coarse: { ...gauge('float', 'percent', ''), decimals: 0 },
      count: counter('1', ''),
      word: state('string', ''),
      flag: state('bool', ''),
    },
  },
};
const clean = (...rows: Row[]) => cleanRows({ thing: rows }, measurements);
const fieldsOf = (fields: Row['fields']) => clean({ fields }).data['thing']?.[0]?.fields;

describe('cleanRows', () => {
  it('rounds floats to their decimals, and leaves whole numbers whole', () => {
    expect(fieldsOf({ level: 100 / 3, coarse: 99.5, count: 7, word: 'x', flag: false })).toEqual({
      level: 33.333,
      coarse: 100,
      count: 7,
      word: 'x',
      flag: false,
    });
    expect(fieldsOf({ level: -0.0001 })).toEqual({ level: 0 });
    expect(fieldsOf({ level: 1e300 })).toEqual({ level: 1e300 });
  });

  it('leaves out NaN and infinity, counted, without calling it an error', () => {
    expect(clean({ fields: { level: Number.NaN, count: 1 } }, { fields: { level: Number.POSITIVE_INFINITY } })).toEqual({
      data: { thing: [{ fields: { count: 1 } }] },
      rows: 1,
      dropped: 2,
    });
  });

  it.each([
    ['a fractional integer', { fields: { count: 1.5 } }, 'thing.count: number 1.5 is not of type int'],
    ['text for a number', { fields: { level: '5' } }, 'thing.level: string 5 is not of type float'],
    ['a field that is not declared', { fields: { other: 1 } }, 'thing: field other is not declared'],
    ['a field named as a method of all objects', { fields: { toString: 1 } }, 'thing: field toString is not declared'],
  ])('leaves out %s, counted, and says so', (_, row, problem) => {
    expect(clean(row as unknown as Row)).toEqual({ data: {}, rows: 0, dropped: 1, problem });
  });

  it('leaves out tags and measurements that are not declared', () => {
    expect(clean({ tags: { name: 'a', pid: '7' }, fields: { count: 1 } })).toMatchObject({
      data: { thing: [{ tags: { name: 'a' }, fields: { count: 1 } }] },
      dropped: 1,
      problem: 'thing: tag pid is not declared',
    });
    expect(cleanRows({ other: [{ fields: { a: 1 } }] }, measurements)).toMatchObject({ data: {}, dropped: 1 });
  });

  it('keeps integers beyond 2^53 exact, clipped at what InfluxDB can hold', () => {
    expect(fieldsOf({ count: 2n ** 60n + 1n })).toEqual({ count: 2n ** 60n + 1n });
    expect(fieldsOf({ count: 2n ** 64n })).toEqual({ count: 2n ** 63n - 1n });
    expect(fieldsOf({ count: 2 ** 60 })).toEqual({ count: 2n ** 60n });
  });

  it('makes tags one printable line of at most 1024 characters, and drops empty ones', () => {
    const [hostile, empty] = clean(
      { tags: { name: `a\nb\u0000\u202ec${'x'.repeat(2000)}` }, fields: { count: 1 } },
      { tags: { name: ' \n' }, fields: { count: 1 } },
    ).data['thing'] as Row[];
    expect(hostile?.tags?.['name']).toMatch(/^a b cx+$/);
    expect(hostile?.tags?.['name']).toHaveLength(1024);
    expect(empty).toEqual({ fields: { count: 1 } });
  });

  it('takes what nobody declares under its prefix only, numbers as floats that are not rounded', () => {
    const row = { tags: { a: 'b\n' }, fields: { n: 0.00001234567, i: 5n, word: 'x', on: true, nan: Number.NaN } };
    expect(cleanRows({ custom_ups: [row], ups: [row] }, measurements, true)).toEqual({
      data: { custom_ups: [{ tags: { a: 'b ' }, fields: { n: 0.00001234567, i: 5, word: 'x', on: true } }] },
      rows: 1,
      dropped: 2,
      problem: 'ups is not declared',
    });
    expect(cleanRows({ custom_ups: [row] }, measurements)).toMatchObject({ data: {}, problem: 'custom_ups is not declared' });
  });

  it('bounds the rows of a measurement', () => {
    expect(clean(...Array.from({ length: 10_002 }, () => ({ fields: { count: 1 } })))).toMatchObject({ rows: 10_000, dropped: 2 });
  });
});

it('printable text holds no control, format or half characters, and cutting makes none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, length) => {
      const line = cut(printable(text), length);
      expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      expect(line.length).toBeLessThanOrEqual(length);
    }),
  );
});
