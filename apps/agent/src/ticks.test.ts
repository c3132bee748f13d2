import { fileURLToPath } from 'node:url';
import { type HostAccess, LocalHost, ReplayHost } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { TickClock } from './tick-clock.ts';
import { createTicks } from './ticks.ts';

const mock = fileURLToPath(new URL('../mock', import.meta.url));

/** A machine on which one file never answers. */
class HungHost extends LocalHost implements HostAccess {
  readonly #replay: ReplayHost;
  readonly hung = new Set<string>();

  constructor(replay: ReplayHost) {
    super();
    this.#replay = replay;
  }

  override async readFile(path: string): Promise<string> {
    return this.hung.has(path) ? new Promise<string>(() => undefined) : this.#replay.readFile(path);
  }

  override async readDir(path: string): Promise<string[]> {
    return this.#replay.readDir(path);
  }
}

describe('createTicks', () => {
  it('gives up a collector that hangs before the next tick, and goes on with all others', async () => {
    const access = new HungHost(await ReplayHost.open(mock, { loop: true }));
    const ticks = createTicks({
      source: { access, mock: false, replay: null },
      clock: new TickClock(),
      intervals: { fast: 0.5, medium: 60, slow: 60 },
      collectors: { diskio: { timeout_seconds: 300 } },
    });
    expect((await ticks.probeAll())['diskio']?.available).toBe(true);
    access.hung.add('/proc/diskstats');
    const [first, second] = await Promise.all([ticks.take('fast'), ticks.take('fast')]);
    expect(first.collected.errors.map(({ collector, code }) => [collector, code])).toEqual([['diskio', 'timeout']]);
    expect(second.collected.errors).toContainEqual(expect.objectContaining({ collector: 'diskio', code: 'busy' }));
    expect(first.collected.data).toHaveProperty('mem');
    expect(first.collected.data).not.toHaveProperty('diskio');
    ticks.close();
  });

  it('takes overlapping ticks of a recording one after the other, each stamped as it was recorded', async () => {
    const replay = await ReplayHost.open(mock);
    const ticks = createTicks({
      source: { access: replay, mock: true, replay },
      clock: new TickClock(),
      intervals: { fast: 5, medium: 30, slow: 60 },
      collectors: {},
      recordedTime: true,
    });
    const taken = await Promise.all([ticks.take('fast'), ticks.take('fast'), ticks.take('fast'), ticks.take('medium')]);
    const times = taken.map(({ collected }) => collected.time);
    expect(times[1]).toBeGreaterThan(times[0] ?? 0);
    expect(times[2]).toBeGreaterThan(times[1] ?? 0);
    expect(taken.flatMap(({ collected }) => collected.errors)).toEqual([]);
    expect(taken[3]?.collected.data).toHaveProperty('disk');
  });
});
