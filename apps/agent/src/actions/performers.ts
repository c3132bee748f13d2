import { killSession, type SessionName } from '@hostwire/collectors';
import type { HostAccess } from '@hostwire/host-access';
import type { ActionName } from '@hostwire/model';
import type { Performer } from './actions.ts';

export interface PerformerOptions {
  /** To the host that is meant, of this agent or behind it. */
  readonly access: HostAccess;
  /** Looks again at what works on the host. */
  readonly refresh: () => Promise<unknown>;
  /** Writes down what the host is asked, for so many minutes; absent: it cannot. Throws an Error, one sentence. */
  readonly startDump?: ((minutes: number) => Promise<void>) | undefined;
}

/** How each action is done on one host. Arguments are as the schema of a request has them. */
export function performersOf({ access, refresh, startDump }: PerformerOptions): Partial<Record<ActionName, Performer>> {
  return {
    async 'tmux.kill'(args, signal) {
      const outcome = await killSession(access, args as unknown as SessionName, signal);
      if (outcome === 'done') return { result: 'done' };
      return { result: 'refused', code: 'session-gone', reason: 'this session is not there any more; one of the same name is another' };
    },
    async 'agent.refresh'() {
      await refresh();
      return { result: 'done' };
    },
    ...(startDump === undefined
      ? {}
      : {
          async 'agent.dump'({ minutes }) {
            await startDump(Number(minutes));
            return { result: 'done' };
          },
        }),
  };
}
