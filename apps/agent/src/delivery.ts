import { type Catalog, type HostInfo, newRunId, type Sample, type Topics } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { Connection } from './agent-config.ts';
import type { OutboxStats } from './outbox.ts';
import { Session, type SessionTiming } from './session.ts';
import { type HeldRun, type OpenSpoolOptions, openSpool } from './spool/open-spool.ts';
import { TickClock } from './tick-clock.ts';

export type { HeldRun } from './spool/open-spool.ts';
export { type Clocks, systemClocks, TickClock } from './tick-clock.ts';

export interface DeliveryOptions {
  readonly connection: Connection;
  /** Also the client id and the user name. */
  readonly host: string;
  /** Default a new one. */
  readonly run?: string;
  readonly spool: Omit<OpenSpoolOptions, 'clock' | 'logger'>;
  readonly topics: Topics;
  readonly catalog: Catalog;
  /** Published at each connection; its `run` is replaced, its `intervals` say how fast samples are made. */
  readonly info: HostInfo;
  readonly logger: Logger;
  readonly clock?: TickClock;
  readonly compress?: boolean;
  readonly backlogRate?: number;
  readonly timing?: SessionTiming;
  /** Called once, before anything is sent, with what the spool still held of earlier runs. */
  readonly onHeld?: (held: readonly HeldRun[]) => void;
  /** Called when another run of this identity is alive; nothing else happens then. */
  readonly onConflict?: () => void;
}

/** One host's way to the server, for samples that somebody else takes: spool, connection, acknowledgements. */
export interface Delivery {
  readonly run: string;
  /** What a sample taken now is to be stamped with: `time` goes into it, `monotonic` beside it to `add`. */
  stamp(): { readonly time: number; readonly monotonic: number };
  /** Resolves when the sample is in the spool, or in memory because the disk does not take it. Never rejects. */
  add(sample: Sample, monotonic: number): Promise<void>;
  /** Samples that are not acknowledged. */
  pending(): number;
  stats(): OutboxStats & { readonly resent: number };
  /** Ends the connection and closes the spool; what is not acknowledged stays in it. */
  close(options: { readonly farewell: boolean }): Promise<void>;
}

/** Opens a host's spool and goes on to deliver what it holds. Rejects with JournalError `locked` if another one uses its folder. */
export async function openDelivery(options: DeliveryOptions): Promise<Delivery> {
  const { run = newRunId(), clock = new TickClock(), compress = false, onConflict = () => undefined, info, logger } = options;
  const { spool, held, close } = await openSpool({ ...options.spool, clock, logger });
  options.onHeld?.(held);
  const session = new Session({ ...options, run, clock, compress, onConflict, outbox: spool, info: { ...info, run } });
  return {
    run,
    stamp() {
      const monotonic = clock.monotonic();
      return { time: clock.timeOf(monotonic), monotonic };
    },
    add: (sample, monotonic) => session.send(sample, monotonic),
    pending: () => spool.size,
    stats: () => ({ ...spool.stats(), resent: session.resent }),
    async close({ farewell }) {
      await session.close({ farewell });
      await close();
    },
  };
}
