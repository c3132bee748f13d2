import type { Tier } from '@hostwire/model';
import { intervalsOf } from './agent-config.ts';
import type { Settings } from './remote/apply-config.ts';
import { type Schedule, startSchedule } from './schedule.ts';
import type { Tick, Ticks } from './ticks.ts';

export interface SamplingOptions {
  readonly ticks: Ticks;
  readonly host: string;
  readonly settings: Pick<Settings, 'enabled' | 'intervals'>;
  /** Takes what a tick gave. */
  readonly deliver: (tier: Tier, tick: Tick) => Promise<void>;
  /** Called in the rhythm of the fast tier while no samples are taken. */
  readonly onIdle: () => void;
}

export interface Sampling {
  /** Goes on with other settings; the next sample of the tiers of `gained` comes soon. No tick that was due is left out. */
  change(settings: Pick<Settings, 'enabled' | 'intervals'>, gained: Iterable<Tier>): void;
  stop(): void;
}

/** Takes samples in the rhythm of each tier while the settings want that; otherwise keeps saying that the agent is there. */
export function startSampling({ ticks, host, settings, deliver, onIdle }: SamplingOptions): Sampling {
  let schedule: Schedule | null = null;
  let idling: NodeJS.Timeout | undefined;

  const start = (): Schedule => {
    let primed: Promise<void> = Promise.resolve();
    return startSchedule({
      intervals: intervalsOf(current),
      host,
      prime: () => {
        primed = ticks.prime();
      },
      // Where the priming takes longer than its second, the first samples wait for it; all others never do.
      tick: (tier) => void primed.then(async () => deliver(tier, await ticks.take(tier))),
    });
  };

  let current = settings;
  const follow = (): void => {
    clearInterval(idling);
    if (current.enabled) {
      schedule ??= start();
      schedule.change(intervalsOf(current));
      return;
    }
    schedule?.stop();
    schedule = null;
    idling = setInterval(onIdle, current.intervals.fast_seconds * 1000);
  };
  follow();

  return {
    change(changed, gained) {
      current = changed;
      follow();
      for (const tier of gained) schedule?.hasten(tier);
    },
    stop() {
      clearInterval(idling);
      schedule?.stop();
      schedule = null;
    },
  };
}
