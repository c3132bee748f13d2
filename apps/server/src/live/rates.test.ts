import type { Row } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ratesOf } from './rates.ts';

const isCounter = (field: string): boolean => field !== 'speed';
const at = (time: number, ...rows: Row[]) => ({ time, rows });

describe('rates of counters', () => {
  it('are the change per second of each row, and leave gauges out', () => {
    const before = at(
      1000,
      { tags: { interface: 'eth0' }, fields: { bytes: 100, speed: 10 } },
      { tags: { interface: 'wlan0' }, fields: { bytes: 5 } },
    );
    const after = at(
      3000,
      { tags: { interface: 'wlan0' }, fields: { bytes: 6 } },
      { tags: { interface: 'eth0' }, fields: { bytes: 500, speed: 20 } },
    );
    expect(ratesOf(before, after, isCounter)).toEqual([
      { tags: { interface: 'wlan0' }, fields: { bytes: 0.5 } },
      { tags: { interface: 'eth0' }, fields: { bytes: 200 } },
    ]);
  });

  it('are unknown after a reset, for a new row, and for a field that was not a number', () => {
    const before = at(0, { tags: { a: '1' }, fields: { reset: 100, word: 'x', good: 1 } });
    const after = at(
      1000,
      { tags: { a: '1' }, fields: { reset: 3, word: 2, good: 2, fresh: 7 } },
      { tags: { a: '2' }, fields: { good: 9 } },
    );
    expect(ratesOf(before, after, isCounter)).toEqual([{ tags: { a: '1' }, fields: { good: 1 } }]);
  });

  it('are exact where the counter itself no longer fits a double', () => {
    const before = at(0, { fields: { bytes: 18_446_744_073_709_551_000n } });
    const after = at(1000, { fields: { bytes: 18_446_744_073_709_551_007n } });
    expect(ratesOf(before, after, isCounter)).toEqual([{ tags: {}, fields: { bytes: 7 } }]);
  });

  it('are never negative and never made of no time', () => {
    const value = fc.oneof(fc.double(), fc.bigInt(), fc.string(), fc.boolean());
    fc.assert(
      fc.property(value, value, fc.integer(), fc.integer(), (from, to, start, end) => {
        for (const { fields } of ratesOf(at(start, { fields: { x: from } }), at(end, { fields: { x: to } }), isCounter)) {
          expect(end).toBeGreaterThan(start);
          expect(fields['x']).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
