import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measured, perSecond, scaleFor } from './unit.ts';

const UNITS = [
  'percent',
  'bytes',
  'bytes/s',
  'bits/s',
  'Mbit/s',
  's',
  'ms',
  'us',
  'ns',
  'celsius',
  'watts',
  'volts',
  'rpm',
  'hertz',
  'packets',
  '1',
  null,
];

describe('units of the catalog', () => {
  it.each([
    ['percent', 34.81, '34.8', '%'],
    ['bytes', 2 ** 30, '1.00', 'GiB'],
    ['bytes/s', 1.24e6, '1.24', 'MB/s'],
    ['celsius', 53.7, '54', '\u00b0C'],
    ['ms', 0.8, '800', '\u00b5s'],
    ['ms', 1500, '1.50', 's'],
    ['s', 7200, '2.00', 'h'],
    ['hertz', 3.4e9, '3.40', 'GHz'],
    ['processes', 412, '412', 'processes'],
    ['1', 6.07, '6.07', ''],
  ])('writes %s %s as %s %s', (unit, value, text, mark) => expect(measured(unit, value)).toEqual({ text, unit: mark }));

  it('never writes nonsense, whatever the unit and the value', () => {
    fc.assert(
      fc.property(fc.constantFrom(...UNITS), fc.oneof(fc.double(), fc.constant(null)), (unit, value) => {
        const { text, unit: mark } = measured(unit, value);
        expect(`${text}${mark}`).not.toMatch(/NaN|null|undefined|Infinity/);
        expect(scaleFor(unit, value ?? 0).divisor).toBeGreaterThan(0);
      }),
    );
  });

  it('names the change of a counter', () => {
    expect(perSecond('bytes')).toBe('bytes/s');
    expect(perSecond('packets')).toBe('packets/s');
    expect(perSecond(null)).toBe('/s');
  });
});
