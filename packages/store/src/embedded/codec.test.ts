import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Column } from '../series-reader.ts';
import { ByteReader, ByteWriter, DamagedError } from './binary.ts';
import { valueAt } from './blocks.ts';
import { Chunk, decodeTimes, encodeChunk, encodeTimes, type Times } from './chunk.ts';
import { decodeNumbers, encodeNumbers } from './number-codec.ts';
import { SeriesBuilder } from './series-merge.ts';
import { decodeSummaries } from './summary.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const special = fc.constantFrom(
  0,
  -0,
  1,
  -1,
  MAX,
  -MAX,
  MAX - 1,
  2 ** 53,
  2 ** 63,
  5e-324,
  1.7976931348623157e308,
  1e22,
  0.1,
  1 / 3,
  12.345,
);
const anyNumber = fc.oneof(
  special,
  fc.double({ noNaN: false }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((x) => x / 1000),
);
/** Vectors as they occur: noise, levels, counters, decimals, constants. */
const vector = fc.oneof(
  fc.array(anyNumber, { minLength: 1, maxLength: 300 }),
  fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 1, maxLength: 300 }).map((xs) => xs.map((x) => x / 100)),
  fc.tuple(fc.maxSafeInteger(), fc.array(fc.nat(100_000), { minLength: 1, maxLength: 300 })).map(([start, steps]) => {
    let value = start / 2;
    return steps.map((step) => (value = Math.round(value + step)));
  }),
  fc.tuple(anyNumber, fc.integer({ min: 1, max: 50 })).map(([x, n]) => new Array<number>(n).fill(x)),
);

function roundTrip(values: readonly number[]): { decoded: number[]; bytes: number } {
  const out = new ByteWriter(16);
  encodeNumbers(out, Float64Array.from(values), values.length);
  const target = new Float64Array(values.length);
  const input = new ByteReader(out.take());
  decodeNumbers(input, target, values.length);
  expect(input.offset).toBe(out.length);
  return { decoded: [...target], bytes: out.length };
}

describe('numbers', () => {
  it('come back as they were, bit by bit', () => {
    fc.assert(
      fc.property(vector, (values) => {
        const { decoded, bytes } = roundTrip(values);
        expect(decoded.every((value, i) => Object.is(value, values[i]))).toBe(true);
        expect(bytes).toBeLessThanOrEqual(9 + 8 * values.length);
      }),
      { numRuns: 500 },
    );
  });

  it('of every width come back', () => {
    for (let width = 1; width <= 53; width++) {
      const top = 2 ** width - 1;
      const values = [0, top, 1, top - 1, Math.floor(top / 3), 0, top];
      expect(roundTrip(values).decoded).toEqual(values);
      expect(roundTrip(values.map((x) => x - Math.floor(top / 2))).decoded).toEqual(values.map((x) => x - Math.floor(top / 2)));
    }
  });

  it('take few bits where they are regular', () => {
    const counter = Array.from({ length: 360 }, (_, i) => 5_000_000_000 + i * 1000);
    expect(roundTrip(counter).bytes).toBeLessThan(24);
    const percent = Array.from({ length: 360 }, (_, i) => ((i * 37) % 1000) / 100);
    expect(roundTrip(percent).bytes).toBeLessThan(360 * 1.4);
  });
});

const n = 40;
const cells = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> =>
  fc.oneof(
    fc.array(fc.option(value, { nil: null }), { minLength: n, maxLength: n }),
    fc.array(value, { minLength: n, maxLength: n }),
    fc.array(fc.option(value, { nil: null, freq: 1 }), { minLength: n, maxLength: n }),
  );
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n - 1n, 0n));
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '\0', 'a\0b', '\u00fc\u{1f600}', 'running', 'exited'),
);

function numberColumn(type: 'float' | 'int' | 'bool', values: readonly (number | null)[]): Column {
  const valid = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null;
  const column = { values: Float64Array.from(values, (value) => value ?? 0), valid };
  return type === 'int' ? { type, big: null, ...column } : { type, ...column };
}

const column: fc.Arbitrary<Column> = fc.oneof(
  cells(anyNumber).map((values) => numberColumn('float', values)),
  cells(fc.maxSafeInteger()).map((values) => numberColumn('int', values)),
  cells(fc.constantFrom(0, 1)).map((values) => numberColumn('bool', values)),
  cells(int64).map((values): Column => {
    const valid = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null;
    return { type: 'int', values: new Float64Array(0), big: BigInt64Array.from(values, (value) => value ?? 0n), valid };
  }),
  cells(anyText).map((values): Column => {
    const valid = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null;
    return { type: 'string', values: values.map((value) => value ?? ''), valid };
  }),
);
const isFilled = ({ valid }: Column): boolean => valid === null || valid.includes(1);
const listed = (one: Column): unknown[] => Array.from({ length: n }, (_, i) => valueAt(one, i));
const times: Times = { n, times: Float64Array.from({ length: n }, (_, i) => 1_790_000_000_000 + i * 10_000 + (i % 7)), nanos: null };

describe('a chunk', () => {
  it('gives back its columns, and null for fields that it has not', () => {
    fc.assert(
      fc.property(fc.array(column.filter(isFilled), { minLength: 1, maxLength: 5 }), (columns) => {
        const { blob } = encodeChunk(new Map(columns.map((one, i) => [i * 100, one])), times);
        const chunk = new Chunk(blob, n);
        columns.forEach((one, i) => {
          const decoded = chunk.column(i * 100, one.type);
          expect(decoded?.type).toBe(one.type);
          expect(listed(decoded as Column)).toEqual(listed(one));
        });
        expect(chunk.column(7, 'float')).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  it('has summaries that agree with its rows, or none', () => {
    fc.assert(
      fc.property(column.filter(isFilled), (one) => {
        const { summaries } = encodeChunk(new Map([[5, one]]), times);
        const t0 = times.times[0] as number;
        const t1 = times.times[n - 1] as number;
        const [summary, other] = decodeSummaries(summaries, [5, 6], t0, t1);
        expect(other).toBeNull();
        if (summary == null) return;
        expect(['int', 'float']).toContain(one.type);
        const rows = listed(one).flatMap((value, i) => (value === null ? [] : [{ value: Number(value), time: times.times[i] as number }]));
        const values = rows.map(({ value }) => value);
        // + 0: the sign of a zero is not told apart.
        expect(summary.min + 0).toBe(Math.min(...values) + 0);
        expect(summary.max + 0).toBe(Math.max(...values) + 0);
        expect(summary.count).toBe(values.length);
        expect([summary.first + 0, summary.firstTime]).toEqual([(values[0] as number) + 0, rows[0]?.time]);
        expect([summary.last + 0, summary.lastTime]).toEqual([(values.at(-1) as number) + 0, rows.at(-1)?.time]);
        const sum = values.reduce((total, value) => total + value, 0);
        const size = values.reduce((total, value) => total + Math.abs(value), 0);
        expect(Math.abs(summary.sum - sum)).toBeLessThanOrEqual(size * 1e-12);
      }),
      { numRuns: 300 },
    );
  });

  it('summarises what is common', () => {
    const level = numberColumn(
      'float',
      Array.from({ length: n }, (_, i) => (i % 10) / 4),
    );
    const { summaries } = encodeChunk(new Map([[1, level]]), times);
    const [summary] = decodeSummaries(summaries, [1], times.times[0] as number, times.times[n - 1] as number);
    expect(summary).toMatchObject({ count: n, min: 0, max: 2.25, sum: 45, first: 0, last: 2.25 });
  });

  it('that is damaged is refused with DamagedError, whatever byte is wrong', () => {
    fc.assert(
      fc.property(
        fc.array(column.filter(isFilled), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.option(fc.nat()),
        (columns, changes, cut) => {
          const { blob, summaries } = encodeChunk(new Map(columns.map((one, i) => [i, one])), times);
          for (const good of [blob, summaries, encodeTimes(times)]) {
            const bytes = Buffer.from(good);
            for (const [at, value] of changes) bytes[at % bytes.length] = value;
            const damaged = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
            for (const read of [
              () => decodeSummaries(damaged, [0, 1, 2], 0, 1),
              () => decodeTimes(damaged, n),
              () => {
                const chunk = new Chunk(damaged, n);
                for (const [i, one] of columns.entries()) chunk.column(i, one.type);
              },
            ]) {
              try {
                read();
              } catch (error) {
                expect(error).toBeInstanceOf(DamagedError);
              }
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('times', () => {
  it('come back, with nanoseconds where there are any', () => {
    const anyTimes = fc.tuple(fc.integer({ min: -2e12, max: 4e12 }), fc.array(fc.tuple(fc.nat(60_000), fc.nat(999_999)), { minLength: 1 }));
    fc.assert(
      fc.property(anyTimes, fc.boolean(), ([start, steps], withNanos) => {
        let time = start;
        const list = Float64Array.from(steps, ([step]) => (time += step));
        const nanos = withNanos ? Int32Array.from(steps, ([, rest]) => rest) : null;
        expect(decodeTimes(encodeTimes({ n: list.length, times: list, nanos }), list.length)).toEqual({
          n: list.length,
          times: list,
          nanos,
        });
      }),
    );
  });
});

it('strings of very many rows that came out of order are put in order', () => {
  const rows = 200_000;
  const builder = new SeriesBuilder();
  const column = builder.column(1, 'string');
  for (let i = 0; i < rows; i++) column.setText(builder.row(rows - i, 0), `${rows - i}`);
  const merged = builder.finish();
  expect([merged.n, merged.columns.get(1)?.values[0], merged.columns.get(1)?.values[rows - 1]]).toEqual([rows, '1', `${rows}`]);
});
