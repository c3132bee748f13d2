import type { Check } from '@hostwire/service/doctor';
import type { ServerConfig } from '../config/load-config.ts';
import type { RunningServer } from './running-server.ts';

/** What the checks of the server look at. */
export interface ServerLook {
  readonly config: ServerConfig;
  /** Absent: configured by options and the environment alone. */
  readonly configFile: string | undefined;
  readonly running: RunningServer;
  /** Ms since the epoch. */
  readonly now: () => number;
}

export type ServerCheck = Check<ServerLook>;

export const SERVICE_UNIT = 'hostwire.service';
