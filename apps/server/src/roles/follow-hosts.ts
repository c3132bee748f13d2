import type { Counters } from '@hostwire/model';
import { type Registry, RegistryError } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { LiveState } from '../live/live-state.ts';

export interface FollowOptions {
  /** Hears of each host that was removed. */
  readonly onGone: (host: string) => Promise<void>;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Ms until a list that was not read is asked for again. */
  readonly againMs?: number;
}

const AGAIN_MS = 2000;

/** Makes the hosts those of the registry: now, and whenever any process changes that. */
export function followRegistry(
  registry: Pick<Registry, 'hosts' | 'onCredentialsChange'>,
  live: LiveState,
  { onGone, counters, logger, againMs = AGAIN_MS }: FollowOptions,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let failing = false;
  const read = (): void => {
    clearTimeout(timer);
    registry.hosts
      .list()
      .then(async (records) => {
        failing = false;
        for (const host of live.sync(records)) await onGone(host);
      })
      .catch((error: unknown) => {
        if (stopped) return;
        counters.add('host_list_failed');
        if (!failing) logger.warn({ err: error }, 'the list of hosts was not read; tried again every few seconds');
        failing = true;
        timer = setTimeout(read, againMs);
        timer.unref();
      });
  };
  const unsubscribe = registry.onCredentialsChange(read);
  // What changed before somebody listened, nobody told.
  read();
  return () => {
    stopped = true;
    clearTimeout(timer);
    unsubscribe();
  };
}

/**
 * An external broker decides itself who is a host: who publishes there is entered here, with a token that nobody knows.
 * Not one that was removed while this process ran: the broker lets it in for some time more, and who is entered again is let
 * in for good where the broker asks this server.
 */
export function enrolUnknown(
  registry: Pick<Registry, 'hosts'>,
  live: LiveState,
  { counters, logger }: Pick<FollowOptions, 'counters' | 'logger'>,
): (host: string) => void {
  const underway = new Set<string>();
  const removed = new Set<string>();
  live.onChange((host) => {
    if (live.get(host) === undefined) removed.add(host);
    else removed.delete(host);
  });
  const enter = async (host: string): Promise<void> => {
    try {
      await registry.hosts.add(host);
      logger.info({ host }, 'a new host on the external broker');
    } catch (error) {
      // Another process heard it first.
      if (!(error instanceof RegistryError && error.code === 'exists')) throw error;
    }
    live.sync(await registry.hosts.list());
  };
  return (host) => {
    if (underway.has(host) || removed.has(host)) return;
    underway.add(host);
    enter(host)
      .catch((error: unknown) => {
        counters.add('enrolments_failed');
        logger.warn({ err: error, host }, 'a new host was not entered; tried again at its next message');
      })
      .finally(() => underway.delete(host));
  };
}
