import { setTimeout as sleep } from 'node:timers/promises';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { type SeriesStore, StoreError } from '@hostwire/store';
import type { LiveState } from './live-state.ts';
import { seedLive } from './seed.ts';

const WAIT_MS = 3000;
const AGAIN_MS = 2000;

/**
 * Seeds the live state from the store. Waits a moment, so that the first page has values; a large fleet is filled while
 * the server runs already, and so is any when the store comes up after this process. The result stops it.
 */
export async function seedSoon(
  live: LiveState,
  store: Pick<SeriesStore, 'query'>,
  { database, counters, logger }: { readonly database: string; readonly counters: Counters; readonly logger: Logger },
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const { signal } = stop;
  const seed = async (): Promise<void> => {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        await seedLive(live, store, database, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        counters.add('seeding_failed');
        const isLater = error instanceof StoreError && error.code === 'unavailable';
        if (isFirst || !isLater) {
          const then = isLater ? 'tried again until the store answers' : 'hosts show values when they send them';
          logger.warn({ err: error }, `last values not read from the store; ${then}`);
        }
        if (!isLater) return;
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const seeding = seed();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((done) => {
    timer = setTimeout(done, WAIT_MS);
  });
  await Promise.race([seeding, limit]);
  clearTimeout(timer);
  return async () => {
    stop.abort();
    await seeding;
  };
}
