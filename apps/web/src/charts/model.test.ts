import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bridge, cumulate, gapsOf, newest } from './model.ts';

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
