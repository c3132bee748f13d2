import { setMaxListeners } from 'node:events';
import type { HostAccess } from '@hostwire/host-access';

interface Reading {
  /** Stamp of the tick that it was made for. */
  readonly time: number;
  readonly answer: Promise<unknown>;
}

/** By host, so that what one host said is never taken for another's, and ends with it. */
const readings = new WeakMap<HostAccess, Map<string, Reading>>();

/** What an access that only limits another one stands for. */
const origins = new WeakMap<HostAccess, HostAccess>();

/** What is asked through `limited` is of the same host as what is asked through `access`. */
export function sharesReadings(limited: HostAccess, access: HostAccess): HostAccess {
  origins.set(limited, access);
  return limited;
}

/** No collector's own signal ends what others wait for as well. */
const TIMEOUT_MS = 8000;

/**
 * What several collectors need of a host, asked once: the answer to `ask` under this name that was made for the tick at
 * `time` or at most `maxAgeMs` away from it, else a new one. Rejects as `ask` does; a failure is not kept.
 */
export function shareReading<T>(
  access: HostAccess,
  name: string,
  { time, maxAgeMs }: { readonly time: number; readonly maxAgeMs: number },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const host = origins.get(access) ?? access;
  const own = readings.get(host) ?? new Map<string, Reading>();
  readings.set(host, own);
  const known = own.get(name);
  if (known !== undefined && Math.abs(time - known.time) <= maxAgeMs) return known.answer as Promise<T>;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  // Every file that is read listens to it: a thousand at once are no leak.
  setMaxListeners(0, signal);
  const answer = ask(signal);
  const reading = { time, answer };
  own.set(name, reading);
  answer.catch(() => {
    if (own.get(name) === reading) own.delete(name);
  });
  return answer;
}
