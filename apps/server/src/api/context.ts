import type { Registry } from '@hostwire/registry';
import type { SeriesStore } from '@hostwire/store';
import type { AlertDesk } from '../alerts/alert-desk.ts';
import type { LiveState } from '../live/live-state.ts';
import type { BrokerAccess } from '../roles/open-broker-access.ts';
import type { ProcessSource } from '../self/process-report.ts';
import type { ConfigBody } from './schemas.ts';

/** What the routes work on; the composition gives it. */
export interface ApiContext {
  readonly registry: Registry;
  readonly live: LiveState;
  readonly store: Pick<SeriesStore, 'query'>;
  /** Name of the database of raw samples. */
  readonly database: string;
  readonly alerts: AlertDesk;
  /** This process: its counters, levels, and what of it does not work as it should. */
  readonly self: ProcessSource;
  /** Null where no external broker may ask. */
  readonly brokerAccess: BrokerAccess | null;
  /** Without secrets. */
  config(): ConfigBody;
  readonly now: () => number;
}
