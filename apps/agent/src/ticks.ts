import { COLLECTORS, type Collected, type CollectorsConfig, createRunner, settingsOf } from '@hostwire/collectors';
import { type Capability, TIERS, type Tier } from '@hostwire/model';
import type { HostSource } from './host-source.ts';
import type { TickClock } from './tick-clock.ts';

/** A tick's rows, and when it began on the agent's monotonic clock. */
export interface Tick {
  readonly collected: Collected;
  readonly monotonic: number;
}

export interface Ticks {
  /** Whether each collector works on this host, by name. Never rejects. */
  probeAll(): Promise<Record<string, Capability>>;
  /** Takes one tick, stamped when it begins. Never rejects. */
  take(tier: Tier): Promise<Tick>;
  /** Takes a reading of those tiers in which a rate needs two. Never rejects. */
  prime(): Promise<void>;
  /** Gives up what runs. */
  close(): void;
}

export interface TicksOptions {
  readonly source: HostSource;
  readonly clock: TickClock;
  /** Seconds. */
  readonly intervals: Readonly<Record<Tier, number>>;
  readonly collectors: CollectorsConfig;
  /** Ticks of a recording keep their recorded stamps instead of the present time. */
  readonly recordedTime?: boolean;
}

/** Of an interval. */
const MAX_WAIT = 0.8;

/**
 * Ticks of a host. A collector that hangs is given up well before the next tick of its tier, so that samples stay in order.
 * Those of a recording are taken one after the other, because it has one reading head.
 */
export function createTicks({ source, clock, intervals, collectors, recordedTime = false }: TicksOptions): Ticks {
  const { access, replay } = source;
  const runnerOf = (tier: Tier) =>
    createRunner({
      access,
      collectors: COLLECTORS.filter((collector) => settingsOf(collector, collectors).tier === tier),
      options: collectors,
      now: () => clock.now(),
      monotonic: () => (replay === null ? clock.monotonic() : replay.now().monotonic),
      maxTimeoutMs: intervals[tier] * 1000 * MAX_WAIT,
    });
  const runners = { fast: runnerOf('fast'), medium: runnerOf('medium'), slow: runnerOf('slow') };
  let last: Promise<unknown> = Promise.resolve();

  const take = async (tier: Tier): Promise<Tick> => {
    const monotonic = clock.monotonic();
    const time = clock.now();
    if (replay === null) return { collected: await runners[tier].collect(tier, time), monotonic };
    const turn = last.then(() => {
      const recorded = replay.beginTick(tier).time;
      return runners[tier].collect(tier, recordedTime ? recorded : time);
    });
    last = turn;
    return { collected: await turn, monotonic };
  };

  return {
    take,
    async probeAll() {
      const capabilities = await Promise.all(TIERS.map((tier) => runners[tier].probeAll()));
      return Object.assign({}, ...capabilities) as Record<string, Capability>;
    },
    async prime() {
      const tiers = TIERS.filter((tier) => runners[tier].collectors.some(({ needsTwo }) => needsTwo));
      await Promise.all(tiers.map(take));
    },
    close() {
      for (const tier of TIERS) runners[tier].close();
    },
  };
}
