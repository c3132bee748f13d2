import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChartModel } from './model.ts';
import { bucketFor, niceOver, xTicks, yScale } from './scale.ts';

const model = (lines: ChartModel['lines'], y: ChartModel['y'] = { kind: 'zero' }): ChartModel => ({
  kind: 'lines',
  times: [],
  step: 1000,
  lines,
  y,
  unit: '',
  unitWords: '',
  limits: [],
  now: [],
});
const line = (values: (number | null)[], down = false) => ({ label: '', color: '--ink', values, down });

describe('y ranges', () => {
  it.each([
    [7.64, 10],
    [1, 1],
    [1.1, 2],
    [2.1, 2.5],
    [410, 500],
    [0.3, 0.5],
    [Number.NaN, 1],
  ])('goes to the next round number over %s: %s', (value, nice) => expect(niceOver(value)).toBeCloseTo(nice, 9));

  it('is 0 to 100 for percent, whatever the data', () => {
    expect(yScale(model([line([3, 4])], { kind: 'fixed', low: 0, high: 100 }))).toEqual({ low: 0, high: 100, ticks: [0, 50, 100] });
  });

  it('has at most four ticks, covers the data, and shares one step on both sides of zero', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 0, max: 1e9, noNaN: true }), (up, down) => {
        const hair = 1e-6 + Math.max(up, down) * 1e-8;
        const { low, high, ticks } = yScale(model([line([up]), line([down], true)]));
        expect(high).toBeGreaterThanOrEqual(up * 0.999999 - hair);
        expect(low).toBeLessThanOrEqual(-down * 0.999999 + hair);
        expect(high).toBeGreaterThan(low);
        expect(ticks.length).toBeLessThanOrEqual(4);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it('only grows while it is live', () => {
    const high = yScale(model([line([900])]));
    expect(yScale(model([line([3])]), high).high).toBe(1000);
    expect(yScale(model([line([3])])).high).toBe(5);
  });

  it('does not zoom into a flat line', () => {
    const { low, high } = yScale(model([line([1000, 1000.1])], { kind: 'data' }));
    expect(high - low).toBeGreaterThanOrEqual(10);
  });
});

describe('time axis', () => {
  it('has labels inside the range, evenly apart, not too many', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1.6e12, max: 1.9e12 }),
        fc.integer({ min: 60_000, max: 30 * 86_400_000 }),
        fc.integer({ min: 200, max: 1200 }),
        (from, length, width) => {
          const ticks = xTicks(from, from + length, width);
          expect(ticks.length).toBeLessThanOrEqual(width / 60 + 1);
          for (const tick of ticks) expect(tick).toBeGreaterThanOrEqual(from);
        },
      ),
    );
  });

  it('has buckets of at least the interval and at most so many points', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60_000, max: 30 * 86_400_000 }), fc.integer({ min: 1000, max: 1_800_000 }), (length, interval) => {
        const step = bucketFor(length, interval, 300);
        expect(step).toBeGreaterThanOrEqual(interval * 0.99);
        expect(length / step).toBeLessThanOrEqual(301);
      }),
    );
  });
});
