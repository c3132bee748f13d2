import { expect, it } from 'vitest';
import { ServerClock } from './server-clock.ts';

it('is not known before the server has told it, and goes on by the monotonic clock', () => {
  let monotonic = 5000;
  const clock = new ServerClock(() => monotonic);
  expect(clock.now()).toBeNull();
  clock.heard(1_000_000);
  monotonic += 250;
  expect(clock.now()).toBe(1_000_250);
});

it('does not go back by what was held up on its way, but does where the server was set back', () => {
  let monotonic = 0;
  const clock = new ServerClock(() => monotonic);
  clock.heard(1_000_000);
  monotonic = 60_000;
  clock.heard(1_030_000);
  expect(clock.now()).toBe(1_060_000);
  clock.heard(1_060_400);
  expect(clock.now()).toBe(1_060_400);
  monotonic += 11 * 60_000;
  clock.heard(1_000_000);
  expect(clock.now()).toBe(1_000_000);
});
