import { expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

it('delays grow from half a second to a minute, with jitter over all of it, and begin anew after a success', () => {
  const top = new Backoff({ random: () => 0.999999 });
  const bottom = new Backoff({ random: () => 0 });
  const delays = Array.from({ length: 10 }, () => Math.round(top.next()));
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]);
  expect(Array.from({ length: 10 }, () => bottom.next())).toEqual(Array(10).fill(500));
  top.reset();
  expect(Math.round(top.next())).toBe(1000);
});

it('what the server asks for is waited for, within reason', () => {
  const backoff = new Backoff({ random: () => 0 });
  expect(backoff.next(7000)).toBe(7000);
  expect(backoff.next(1e12)).toBe(900_000);
  expect(backoff.next(10)).toBe(500);
});
