import { type Registry, RegistryError } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { LiveState } from '../live/live-state.ts';

/** Makes the hosts those of the registry whenever any process changes that; `onGone` hears of each that was removed. */
export function followRegistry(
  registry: Pick<Registry, 'hosts' | 'onCredentialsChange'>,
  live: LiveState,
  onGone: (host: string) => Promise<void>,
  logger: Logger,
): () => void {
  return registry.onCredentialsChange(() => {
    registry.hosts
      .list()
      .then(async (records) => {
        for (const host of live.sync(records)) await onGone(host);
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'the list of hosts was not read; it is read again at its next change'));
  });
}

/** An external broker decides itself who is a host: who publishes there is entered here, with a token that nobody knows. */
export function enrolUnknown(registry: Pick<Registry, 'hosts'>, live: LiveState, logger: Logger): (host: string) => void {
  const underway = new Set<string>();
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
    if (underway.has(host)) return;
    underway.add(host);
    enter(host)
      .catch((error: unknown) => logger.warn({ err: error, host }, 'a new host was not entered; tried again at its next message'))
      .finally(() => underway.delete(host));
  };
}
