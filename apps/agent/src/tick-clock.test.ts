import { describe, expect, it } from 'vitest';
import { bootClock, TickClock } from './tick-clock.ts';

const HOUR = 3_600_000;

function clocks(wall = 100 * HOUR, monotonic = HOUR) {
  const state = { wall, monotonic };
  const clock = new TickClock({ wall: () => state.wall, monotonic: () => state.monotonic });
  const pass = (ms: number): void => {
    state.wall += ms;
    state.monotonic += ms;
  };
  return { state, clock, pass };
}

describe('TickClock', () => {
  it("is this machine's clock until the server says otherwise, then the server's until both agree", () => {
    const { state, clock, pass } = clocks(0);
    expect([clock.now(), clock.sure]).toEqual([0, false]);
    clock.correct(200 * HOUR);
    pass(1_000);
    expect([clock.now(), clock.sure]).toEqual([200 * HOUR + 1_000, true]);
    expect(clock.timeOf(HOUR)).toBe(200 * HOUR);
    state.wall = 200 * HOUR + 61_000;
    expect(clock.now()).toBe(200 * HOUR + 61_000);
  });

  it('is not moved by a server that says something else than its own clock without refusing it', () => {
    const { clock } = clocks();
    expect(clock.confirm(50 * HOUR)).toBe(false);
    expect([clock.now(), clock.sure]).toEqual([100 * HOUR, false]);
    expect(clock.confirm(100 * HOUR + 1_000)).toBe(true);
    expect(clock.sure).toBe(true);
  });

  it('goes by what the server confirmed when this clock jumps', () => {
    const { state, clock, pass } = clocks();
    clock.confirm(100 * HOUR);
    pass(1_000);
    state.wall -= 2 * HOUR;
    expect(clock.now()).toBe(100 * HOUR + 1_000);
  });
});

describe('bootClock', () => {
  it('counts the time that the machine was suspended, and no step of the uptime', () => {
    const state = { hrtime: 1_000_000, uptime: 1_000_000 };
    const monotonic = bootClock(
      () => state.hrtime,
      () => state.uptime,
    );
    expect(monotonic()).toBe(1_000_000);
    state.hrtime += 2_000;
    state.uptime += 2_010;
    expect(monotonic()).toBe(1_002_000);
    state.hrtime += 5_000;
    state.uptime += 5_000 + HOUR;
    expect(monotonic()).toBe(1_007_000 + HOUR);
  });

  it('is the same for a process that starts after the suspension, also where the uptime is a container of its own', () => {
    const late = bootClock(
      () => 5_000_000,
      () => 5_000_000 + HOUR,
    );
    expect(late()).toBe(5_000_000 + HOUR);
    const inContainer = bootClock(
      () => 5_000_000,
      () => 60_000,
    );
    expect(inContainer()).toBe(5_000_000);
  });
});
