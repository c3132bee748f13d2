import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { age, bucket, clock, countdown, exact, interval, moment, since, span } from './time.ts';

const DAY = 86_400_000;
const at = new Date(2026, 3, 22, 9, 26, 41).getTime();

describe('ages', () => {
  it.each([
    [3, '3s'],
    [59.9, '59s'],
    [60, '1m'],
    [3599, '59m'],
    [5 * 3600, '5h'],
    [2 * 86_400 + 5, '2d'],
    [112 * 86_400, '112d'],
    [-4, '0s'],
    [Number.NaN, '0s'],
  ])('writes a span of %s s as %s', (seconds, text) => expect(span(seconds)).toBe(text));

  it.each([
    [822_000, '13:42'],
    [822_999, '13:42'],
    [0, '0:00'],
    [-5, '0:00'],
    [999, '0:00'],
    [3_599_999, '59:59'],
    [3_600_000, '1h 0m'],
    [18_720_000, '5h 12m'],
    [51 * 3_600_000, '2d 3h'],
  ])('counts %s ms down as %s', (ms, text) => expect(countdown(ms)).toBe(text));

  it('counts in weeks from two weeks on', () => {
    expect(age(at, at - 13 * DAY)).toBe('13d');
    expect(age(at, at - 45 * DAY)).toBe('6w');
  });

  it('is always a whole number and one letter, and never grows backwards', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e10 }), (seconds) => {
        expect(span(seconds)).toMatch(/^\d+[smhd]$/);
      }),
    );
  });
});

describe('times', () => {
  it('has the time of day within a day, else the date', () => {
    expect(since(at, at - 3_600_000)).toBe('08:26');
    expect(since(at, at - 6 * DAY)).toBe('16 Apr');
  });

  it('writes a stretch with the date again only where it differs', () => {
    expect(interval(at - DAY / 2, at)).toEqual({ from: '21 Apr 21:26', to: '22 Apr 09:26' });
    expect(interval(at - 3_600_000, at)).toEqual({ from: '22 Apr 08:26', to: '09:26' });
    expect(interval(at - 60_000, at).to).toBe('09:26:41');
  });

  it('pads', () => {
    const early = new Date(2026, 0, 2, 3, 4, 5).getTime();
    expect(clock(early)).toBe('03:04');
    expect(moment(early)).toBe('03:04:05');
    expect(exact(early)).toMatch(/^2 Jan 2026, 03:04:05 UTC[+-]\d\d:\d\d$/);
  });

  it.each([
    [5000, '5 s'],
    [180_000, '3 min'],
    [3_600_000, '1 h'],
    [DAY, '1 d'],
  ])('names a bucket of %s ms %s', (step, text) => expect(bucket(step)).toBe(text));
});
