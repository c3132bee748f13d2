import type { Counters } from '@hostwire/model';
import type { HostRegistry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import type { LiveState } from './live-state.ts';

/** Writes when hosts were last seen, many in one transaction. Returns how to stop it, which writes what is left. */
export function writeSeen(
  live: LiveState,
  hosts: Pick<HostRegistry, 'seen'>,
  { counters, logger, everyMs }: { readonly counters: Counters; readonly logger: Logger; readonly everyMs: number },
): () => Promise<void> {
  const written = new Map<string, number>();
  for (const { host, lastSeenAt } of live.hosts()) if (lastSeenAt !== null) written.set(host, lastSeenAt);

  const write = async (): Promise<void> => {
    const entries: { host: string; at: number }[] = [];
    for (const { host, lastSeenAt } of live.hosts()) {
      if (lastSeenAt !== null && written.get(host) !== lastSeenAt) entries.push({ host, at: lastSeenAt });
    }
    if (entries.length === 0) return;
    try {
      await hosts.seen(entries);
      for (const { host, at } of entries) written.set(host, at);
    } catch (error) {
      counters.add('seen_failed');
      logger.warn({ err: error }, 'last seen times not saved; tried again in a few seconds');
    }
  };

  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(write);
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
    await write();
  };
}
