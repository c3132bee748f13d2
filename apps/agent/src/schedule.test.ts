import type { Tier } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadOf, startSchedule, type Timers } from './schedule.ts';
import { TickClock } from './tick-clock.ts';

/** Timers that run when told to; the wall clock can be set apart from the monotonic one. */
class FakeTimers implements Timers {
  #now = 5_000;
  wallOffset: number;
  #queue: { due: number; callback: () => void }[] = [];

  constructor(wall: number) {
    this.wallOffset = wall - this.#now;
  }

  wall(): number {
    return this.#now + this.wallOffset;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { due: this.#now + ms, callback };
    this.#queue.push(entry);
    return () => {
      this.#queue = this.#queue.filter((other) => other !== entry);
    };
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#queue.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#queue = this.#queue.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
  }

  /** Time passes and no timer runs: a suspended machine. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  get waiting(): number {
    return this.#queue.length;
  }
}

const WALL = 1_790_000_000_123;

function start(timers: FakeTimers, intervals = { fast: 5, medium: 30, slow: 60 }) {
  const ticks: { tier: Tier; wall: number; monotonic: number }[] = [];
  let primed = 0;
  const schedule = startSchedule({
    intervals,
    host: 'h1',
    timers,
    prime: () => primed++,
    tick: (tier) => ticks.push({ tier, wall: timers.wall(), monotonic: timers.monotonic() }),
  });
  const of = (tier: Tier) => ticks.filter((tick) => tick.tier === tier);
  return { ticks, of, ...schedule, primed: () => primed };
}

describe('startSchedule', () => {
  it('primes at once and samples every tier a second later', () => {
    const timers = new FakeTimers(WALL);
    const { ticks, primed } = start(timers);
    expect(primed()).toBe(1);
    timers.advance(999);
    expect(ticks).toEqual([]);
    timers.advance(1);
    expect(ticks.map(({ tier }) => tier)).toEqual(['fast', 'medium', 'slow']);
  });

  it('then ticks at multiples of the interval plus the offset of the host', () => {
    const timers = new FakeTimers(WALL);
    const { of } = start(timers);
    timers.advance(200_000);
    for (const [tier, interval] of [
      ['fast', 5_000],
      ['medium', 30_000],
      ['slow', 60_000],
    ] as const) {
      const [first, ...aligned] = of(tier);
      expect(aligned.length).toBeGreaterThanOrEqual(Math.floor(200_000 / interval) - 1);
      for (const { wall } of aligned) expect(wall % interval).toBe(spreadOf('h1', interval));
      expect((aligned[0]?.monotonic ?? 0) - (first?.monotonic ?? 0)).toBeGreaterThanOrEqual(interval / 4);
    }
  });

  it('is not moved by steps of the wall clock', () => {
    const timers = new FakeTimers(WALL);
    const { of } = start(timers);
    timers.advance(20_000);
    timers.wallOffset -= 3_600_000;
    timers.advance(20_000);
    timers.wallOffset += 86_400_000;
    timers.advance(20_000);
    const times = of('fast').map(({ monotonic }) => monotonic);
    for (let i = 2; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBe(5_000);
  });

  it('leaves out what a suspended machine missed', () => {
    const timers = new FakeTimers(WALL);
    const { of } = start(timers);
    timers.advance(20_000);
    const before = of('fast').length;
    timers.sleep(1_000_000);
    timers.advance(5_000);
    expect(of('fast').length - before).toBeLessThanOrEqual(2);
    timers.advance(50_000);
    expect(of('fast').length - before).toBeLessThanOrEqual(12);
    expect(of('fast').length - before).toBeGreaterThanOrEqual(10);
  });

  it('goes over to other intervals with no tick left out, none twice, and soon on the new grid', () => {
    const timers = new FakeTimers(WALL);
    const { of, change } = start(timers);
    timers.advance(21_000);
    const before = of('fast').length;
    change({ fast: 60, medium: 30, slow: 60 });
    timers.advance(5_000);
    // The one that was due: from then on the server knows the new interval.
    expect(of('fast').length).toBe(before + 1);
    timers.advance(200_000);
    const slow = of('fast').slice(before + 1);
    expect(slow.length).toBeGreaterThanOrEqual(2);
    for (const { wall } of slow) expect(wall % 60_000).toBe(spreadOf('h1', 60_000));
    const steady = of('medium').map(({ monotonic }) => monotonic);
    for (let i = 2; i < steady.length; i++) expect((steady[i] ?? 0) - (steady[i - 1] ?? 0)).toBe(30_000);
    const last = of('fast').length;
    change({ fast: 5, medium: 30, slow: 60 });
    timers.advance(6_250);
    expect(of('fast').length).toBeGreaterThan(last);
    timers.advance(60_000);
    for (const { wall } of of('fast').slice(last + 1)) expect(wall % 5_000).toBe(spreadOf('h1', 5_000));
    change({ fast: 5, medium: 30, slow: 60 });
    expect(timers.waiting).toBe(3);
  });

  it('keeps ticks at least a quarter and at most five quarters of an interval apart, however often intervals change', () => {
    const seconds = fc.integer({ min: 1, max: 120 });
    const changes = fc.array(fc.tuple(seconds, fc.integer({ min: 0, max: 100_000 }), fc.boolean()), { maxLength: 12 });
    fc.assert(
      fc.property(seconds, changes, fc.integer({ min: 0, max: 4e12 }), (first, list, wall) => {
        const timers = new FakeTimers(wall);
        const { of, change, hasten } = start(timers, { fast: first, medium: 600, slow: 600 });
        timers.advance(2_000);
        const inEffect: [from: number, interval: number][] = [[0, first * 1000]];
        for (const [next, wait, hastened] of list) {
          inEffect.push([timers.monotonic(), next * 1000]);
          change({ fast: next, medium: 600, slow: 600 });
          if (hastened) hasten('fast');
          timers.advance(wait);
        }
        const times = [...of('fast').map(({ monotonic }) => monotonic), timers.monotonic()];
        for (let i = 1; i < times.length; i++) {
          const [from, to] = [times[i - 1] ?? 0, times[i] ?? 0];
          const within = inEffect.filter(([at], j) => at <= to && (inEffect[j + 1]?.[0] ?? to) >= from).map(([, interval]) => interval);
          if (i < times.length - 1) expect(to - from).toBeGreaterThanOrEqual(Math.min(...within) / 4 - 1);
          expect(to - from).toBeLessThanOrEqual(Math.max(...within) * 1.25 + 1);
        }
      }),
    );
  });

  it('hastens the next tick of a tier, and no other', () => {
    const timers = new FakeTimers(WALL);
    const { of, hasten } = start(timers);
    timers.advance(70_000);
    const [medium, slow] = [of('medium').length, of('slow').length];
    hasten('slow');
    timers.advance(16_000);
    expect([of('slow').length - slow, of('medium').length - medium]).toEqual([1, expect.any(Number)]);
    timers.advance(200_000);
    for (const { wall } of of('slow').slice(slow + 1)) expect(wall % 60_000).toBe(spreadOf('h1', 60_000));
  });

  it('stops', () => {
    const timers = new FakeTimers(WALL);
    const { ticks, stop } = start(timers);
    timers.advance(10_000);
    const count = ticks.length;
    stop();
    timers.advance(100_000);
    expect(ticks).toHaveLength(count);
    expect(timers.waiting).toBe(0);
  });

  it('takes fractional intervals and any clock', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 100, noNaN: true }), fc.integer({ min: 0, max: 4e12 }), fc.string(), (seconds, wall, host) => {
        const spread = spreadOf(host, seconds * 1000);
        expect(spread).toBeGreaterThanOrEqual(0);
        expect(spread).toBeLessThan(Math.min(seconds * 500, 10_000));
        const timers = new FakeTimers(wall);
        const { of } = start(timers, { fast: seconds, medium: seconds, slow: seconds });
        timers.advance(1000 + seconds * 3000);
        expect(of('fast').length).toBeGreaterThanOrEqual(2);
        expect(of('fast').length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe('TickClock', () => {
  it('keeps to the wall clock until the server says otherwise, and returns to it when they agree', () => {
    let wall = 1_000_000;
    let monotonic = 500;
    const clock = new TickClock({ wall: () => wall, monotonic: () => monotonic });
    expect(clock.now()).toBe(1_000_000);
    clock.correct(1_790_000_000_000);
    expect(clock.now()).toBe(1_790_000_000_000);
    expect(clock.timeOf(100)).toBe(1_789_999_999_600);
    monotonic += 5_000;
    wall += 5_000;
    expect(clock.now()).toBe(1_790_000_005_000);
    // NTP sets the clock right, to within the tolerance.
    wall = 1_790_000_005_700;
    expect(clock.now()).toBe(1_790_000_005_700);
  });
});
