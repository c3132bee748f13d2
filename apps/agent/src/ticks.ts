import { COLLECTORS, type Collected, type CollectorsConfig, createRunner, type RunnerSettings, settingsOf } from '@hostwire/collectors';
import { type Capability, TIERS, type Tier } from '@hostwire/model';
import type { HostSource } from './host-source.ts';
import type { TickClock } from './tick-clock.ts';

/** A tick's rows, and when it began on the agent's monotonic clock. */
export interface Tick {
  readonly collected: Collected;
  readonly monotonic: number;
}

export interface Ticks {
  /** Whether each collector, or each of these names, works on this host. Never rejects. */
  probeAll(names?: readonly string[]): Promise<Record<string, Capability>>;
  /** Takes one tick, stamped when it begins. Never rejects. */
  take(tier: Tier): Promise<Tick>;
  /** Takes a reading of those tiers in which a rate needs two. Never rejects. */
  prime(): Promise<void>;
  /** Goes on with other settings, without losing a reading of what stays as it is. Returns the names of the collectors whose own changed. */
  configure(settings: TickSettings): string[];
  /** Gives up what runs. */
  close(): void;
}

export interface TickSettings {
  /** Seconds. */
  readonly intervals: Readonly<Record<Tier, number>>;
  readonly collectors: CollectorsConfig;
}

export interface TicksOptions extends TickSettings {
  readonly source: HostSource;
  readonly clock: TickClock;
  /** Hears what each look at a collector found. */
  readonly onCapability?: (name: string, capability: Capability) => void;
  /** Ticks of a recording keep their recorded stamps instead of the present time. */
  readonly recordedTime?: boolean;
}

/** Of an interval. */
const MAX_WAIT = 0.8;

/**
 * Ticks of a host. A collector that hangs is given up well before the next tick of its tier, so that samples stay in order.
 * Those of a recording are taken one after the other, because it has one reading head.
 */
export function createTicks({ source, clock, recordedTime = false, onCapability, ...settings }: TicksOptions): Ticks {
  const { access, replay } = source;
  const ofTier = (tier: Tier, { intervals, collectors }: TickSettings): RunnerSettings => ({
    collectors: COLLECTORS.filter((collector) => settingsOf(collector, collectors).tier === tier),
    options: collectors,
    maxTimeoutMs: intervals[tier] * 1000 * MAX_WAIT,
  });
  const runnerOf = (tier: Tier) =>
    createRunner({
      access,
      now: () => clock.now(),
      monotonic: () => (replay === null ? clock.monotonic() : replay.now().monotonic),
      ...(onCapability === undefined ? {} : { onCapability }),
      ...ofTier(tier, settings),
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
    configure: (changed) => TIERS.flatMap((tier) => runners[tier].configure(ofTier(tier, changed))),
    async probeAll(names) {
      const capabilities = await Promise.all(TIERS.map((tier) => runners[tier].probeAll(names)));
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
