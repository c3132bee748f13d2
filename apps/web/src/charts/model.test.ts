import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bridge, cumulate, cutsOf, gapsOf, joined, newest } from './model.ts';

const line = (values: (number | null | undefined)[]) => ({ label: '', color: '--ink', values });

describe('gaps', () => {
  it('does not call a missed bucket a gap where a bucket is as wide as the interval', () => {
    expect(bridge([1, null, 2, null, null, 3], 5000, 5000)).toEqual([1, undefined, 2, null, null, 3]);
  });

  it('has no line across two buckets that are wider than the interval', () => {
    expect(bridge([1, null, 2], 60_000, 5000)).toEqual([1, null, 2]);
  });

  it('leaves values, ends and length alone', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer())), fc.integer({ min: 1, max: 10 }), (values, ratio) => {
        const bridged = bridge(values, 1000 * ratio, 5000);
        expect(bridged.length).toBe(values.length);
        for (const [i, value] of values.entries())
          expect(value === null ? bridged[i] === null || bridged[i] === undefined : bridged[i] === value).toBe(true);
        expect(bridged[0] === undefined && values.length > 0).toBe(false);
      }),
    );
  });

  it('finds silences of all lines, and the silence until now', () => {
    const model = {
      times: [0, 1000, 2000, 3000, 4000],
      step: 1000,
      lines: [line([1, null, null, 4, null]), line([1, null, null, null, null])],
    };
    expect(gapsOf(model, 20_000, 1000)).toEqual([
      { from: 1000, to: 3000 },
      { from: 4000, to: 20_000 },
    ]);
    expect(gapsOf(model, 5000, 1000)).toEqual([{ from: 1000, to: 3000 }]);
  });
});

it('stacks the layers and keeps what is not known', () => {
  expect(cumulate([line([1, null, 3]), line([2, 2, undefined])])).toEqual([
    [1, null, 3],
    [3, 2, undefined],
  ]);
});

it('has no present value where the newest is old', () => {
  expect(newest([1, 2, null])).toBe(2);
  expect(newest([1, null, null, null])).toBeNull();
});

describe('gaps that the host told of', () => {
  const model = (values: (number | null)[]) => ({ times: values.map((_, i) => i * 1000), step: 1000, lines: [line(values)] });

  it('cut the line also where they are narrower than a bucket, or one sample long', () => {
    expect(cutsOf(model([1, 2, 3]), [], [{ from: 1200, to: 1700 }])).toEqual([{ from: 1200, to: 1700 }]);
    expect(cutsOf(model([1, 2, 3]), [], [{ from: 1200, to: 1200 }])).toEqual([{ from: 1200, to: 1201 }]);
  });

  it('leave what was measured inside them: a record may be two gaps in one', () => {
    expect(cutsOf(model([1, null, null, 4, 5, null, 7]), [], [{ from: 1000, to: 5900 }])).toEqual([
      { from: 1000, to: 3000 },
      { from: 5000, to: 5900 },
    ]);
    expect(cutsOf(model([1, 2, 3, 4]), [], [{ from: 1000, to: 3000 }])).toEqual([]);
  });

  it('are one with the silence that they explain', () => {
    expect(cutsOf(model([1, null, null, 4]), [{ from: 1000, to: 3000 }], [{ from: 1400, to: 2600 }])).toEqual([{ from: 1000, to: 3000 }]);
  });

  it('come in order and apart, whatever they are', () => {
    const gap = fc.tuple(fc.nat(100), fc.nat(100)).map(([from, length]) => ({ from, to: from + length }));
    fc.assert(
      fc.property(fc.array(gap), (gaps) => {
        const result = joined(gaps);
        for (const [i, one] of result.entries()) expect(one.from).toBeGreaterThan(result[i - 1]?.to ?? -1);
        for (const { from, to } of gaps) expect(result.some((one) => one.from <= from && one.to >= to)).toBe(true);
      }),
    );
  });
});
