import type { Alerting } from '@hostwire/alerting';
import type { Counters } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { SeriesStore } from '@hostwire/store';
import type { LiveState } from '../live/live-state.ts';
import type { ConfigBody } from './schemas.ts';

/** What the routes work on; the composition gives it. */
export interface ApiContext {
  readonly version: string;
  readonly registry: Registry;
  readonly live: LiveState;
  readonly store: Pick<SeriesStore, 'query'>;
  /** Name of the database of raw samples. */
  readonly database: string;
  /** Null where the role `alerts` is not in this process. */
  readonly alerting: Alerting | null;
  /** Names of parts that do not work as they should. */
  degraded(): string[];
  /** Without secrets. */
  config(): ConfigBody;
  /** Counters of each part, by the part's name. */
  readonly counters: ReadonlyMap<string, Counters>;
  /** Levels, by name as Prometheus writes it. */
  gauges(): ReadonlyMap<string, number>;
  readonly now: () => number;
}
