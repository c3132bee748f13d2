import { expect, it } from 'vitest';
import { TickPace } from './tick-pace.ts';

const steps = (...ticks: [time: number, monotonic: number][]) => {
  const pace = new TickPace();
  const readings = ticks.map(([time, monotonic]) => pace.reading('fast', time, monotonic));
  return readings.slice(1).map((reading, index) => reading - (readings[index] ?? 0));
};

it('goes by the stamps, so that a replay of them comes to the same', () => {
  const live = steps([1000, 77.3], [6001, 5077.9], [11_001, 10_078.2]);
  const replayed = steps([1000, 0], [6001, 5001], [11_001, 10_001]);
  expect(live).toEqual([5001, 5000]);
  expect(replayed).toEqual(live);
});

it('goes by the monotonic clock where the wall clock jumped', () => {
  expect(steps([1000, 0], [3_600_000, 5000], [3_605_000, 10_000])).toEqual([5000, 5000]);
  expect(steps([10_000, 0], [2000, 5000])).toEqual([5000]);
});

it('never goes back, and keeps the tiers apart', () => {
  expect(steps([1000, 0], [999, 0])).toEqual([0]);
  const pace = new TickPace();
  pace.reading('fast', 1000, 0);
  expect(pace.reading('slow', 500_000, 7)).toBe(7);
});
