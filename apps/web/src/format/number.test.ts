import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisFigure, bytes, DASH, figure, percent, rate, usedOfTotal, whole } from './number.ts';

const anything = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-300, 1e300),
);

describe('figure', () => {
  it.each([
    [0, '0'],
    [0.004, '0'],
    [0.11, '0.11'],
    [7.64, '7.64'],
    [9.996, '10.0'],
    [34.8, '34.8'],
    [99.96, '100'],
    [412.4, '412'],
    [9999, '9999'],
    [-3.2, '\u22123.20'],
    [null, DASH],
    [Number.NaN, DASH],
  ])('writes %s as %s', (value, text) => expect(figure(value)).toBe(text));

  it('never writes NaN, null, undefined, an exponent, or more than three digits below 1000', () => {
    fc.assert(
      fc.property(anything, (value) => {
        for (const text of [
          figure(value),
          whole(value),
          percent(value).text,
          bytes(value).text,
          rate(value).text,
          usedOfTotal(value, value),
        ]) {
          expect(text).not.toMatch(/NaN|null|undefined|Infinity/);
          expect(text.length).toBeGreaterThan(0);
        }
        if (typeof value === 'number' && Math.abs(value) < 999)
          expect(figure(value).replace(/[^\d]/g, '').replace(/^0+/, '').length).toBeLessThanOrEqual(3);
      }),
    );
  });

  it('is near what it writes', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 9999, noNaN: true }), (value) => {
        expect(Math.abs(Number(figure(value)) - value)).toBeLessThanOrEqual(Math.max(0.005, value * 0.0051));
      }),
    );
  });
});

describe('bytes and rates', () => {
  it.each([
    [0, '0', 'B'],
    [512, '512', 'B'],
    [1024, '1.00', 'KiB'],
    [1023.7 * 1024, '1.00', 'MiB'],
    [15.9 * 2 ** 20, '15.9', 'MiB'],
    [3.41 * 2 ** 30, '3.41', 'GiB'],
  ])('writes %s bytes as %s %s', (value, text, unit) => expect(bytes(value)).toEqual({ text, unit }));

  it.each([
    [310_000, '310', 'kB/s'],
    [1_240_000, '1.24', 'MB/s'],
    [999_900, '1.00', 'MB/s'],
    [42, '42', 'B/s'],
  ])('writes %s bytes a second as %s %s', (value, text, unit) => expect(rate(value)).toEqual({ text, unit }));

  it('has a dash and no unit for what is not known', () => expect(bytes(null)).toEqual({ text: DASH, unit: '' }));
  it('writes used of total in the unit of the total', () => expect(usedOfTotal(61.2 * 2 ** 40, 84.6 * 2 ** 40)).toBe('61.2 of 84.6 TiB'));
});

it.each([
  [0, '0'],
  [0.25, '0.25'],
  [2500, '2500'],
  [12_300, '12.3k'],
  [2e6, '2M'],
])('writes %s on an axis as %s', (value, text) => expect(axisFigure(value)).toBe(text));
