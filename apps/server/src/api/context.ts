import type { Counters } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { LoggedProblem } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import type { ActionDesk } from '../actions/action-desk.ts';
import type { AlertDesk } from '../alerts/alert-desk.ts';
import type { Downloads } from '../enrolment/downloads.ts';
import type { LiveState } from '../live/live-state.ts';
import type { Reach } from '../reach.ts';
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
  readonly actions: ActionDesk;
  /** This process: its counters, levels, and what of it does not work as it should. */
  readonly self: ProcessSource;
  /** The last warnings and errors of this process's log, the newest first. */
  problems(): readonly LoggedProblem[];
  /** Null where no external broker may ask. */
  readonly brokerAccess: BrokerAccess | null;
  /** How other machines reach this server, now. */
  reach(): Reach;
  readonly enrolment: {
    /** With which commands are signed, as agents know it. */
    serverKey(): string;
    readonly downloads: Downloads;
    /** Hosts connect with a certificate alone, which enrolment does not give. */
    readonly requiresCertificate: boolean;
    readonly counters: Counters;
  };
  /** Whether a token is the one that the server's processes on this data directory share. */
  isServerToken(token: string): boolean;
  /** Without secrets. */
  config(): ConfigBody;
  readonly now: () => number;
}
