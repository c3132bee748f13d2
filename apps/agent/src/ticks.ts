import { type Collected, type CollectorsConfig, createRunner, type Runner } from '@hostwire/collectors';
import { TIERS, type Tier } from '@hostwire/model';
import type { HostSource } from './host-source.ts';
import type { TickClock } from './tick-clock.ts';

/** A tick's rows, and when it began on the agent's monotonic clock. */
export interface Tick {
  readonly collected: Collected;
  readonly monotonic: number;
}

export interface Ticks {
  readonly runner: Runner;
  /** Takes one tick, stamped when it begins. Never rejects. */
  take(tier: Tier): Promise<Tick>;
  /** Takes a reading of those tiers in which a rate needs two. Never rejects. */
  prime(): Promise<void>;
}

/**
 * Ticks of a host. Those of a recording are taken one after the other, because it has one reading head, and with
 * `recordedTime` they keep their recorded stamps.
 */
export function createTicks(source: HostSource, clock: TickClock, options: CollectorsConfig, { recordedTime = false } = {}): Ticks {
  const { access, replay } = source;
  const runner = createRunner({
    access,
    options,
    now: () => clock.now(),
    monotonic: () => (replay === null ? clock.monotonic() : replay.now().monotonic),
  });
  let last: Promise<unknown> = Promise.resolve();

  const take = async (tier: Tier): Promise<Tick> => {
    const monotonic = clock.monotonic();
    const time = clock.now();
    if (replay === null) return { collected: await runner.collect(tier, time), monotonic };
    const turn = last.then(() => {
      const recorded = replay.beginTick(tier).time;
      return runner.collect(tier, recordedTime ? recorded : time);
    });
    last = turn;
    return { collected: await turn, monotonic };
  };

  return {
    runner,
    take,
    async prime() {
      const tiers = new Set(runner.collectors.filter(({ needsTwo }) => needsTwo).map(({ tier }) => tier));
      await Promise.all(TIERS.filter((tier) => tiers.has(tier)).map(take));
    },
  };
}
