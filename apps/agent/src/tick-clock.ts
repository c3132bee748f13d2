import { uptime } from 'node:os';
import { MAX_CLOCK_SKEW_MS } from '@hostwire/model';

/** The two clocks of a machine; injected in tests. */
export interface Clocks {
  /** Milliseconds since the epoch; may jump. */
  wall(): number;
  /** Milliseconds since the machine's boot; only ever grow, and mean the same to every process until the next boot. */
  monotonic(): number;
}

const UPTIME_EVERY_MS = 1_000;

/**
 * CLOCK_MONOTONIC, and the time that the machine was suspended, during which that stands still (clock_gettime(2)): without
 * it, samples from before would seem to be younger than they are.
 */
export function bootClock(
  hrtimeMs: () => number = () => Number(process.hrtime.bigint()) / 1e6,
  uptimeMs: () => number = () => uptime() * 1000,
): () => number {
  const gap = (): number => uptimeMs() - hrtimeMs();
  // In a container the uptime may be the container's own, and so less.
  const base = Math.min(0, gap());
  let suspended = 0;
  let asked = Number.NEGATIVE_INFINITY;
  return () => {
    const now = hrtimeMs();
    if (now - asked >= UPTIME_EVERY_MS) {
      asked = now;
      // The uptime has steps of 10 ms: only whole seconds of difference are a suspension.
      suspended = Math.max(suspended, Math.floor((gap() - base) / 1000) * 1000);
    }
    return now + suspended;
  };
}

export const systemClocks: Clocks = { wall: () => Date.now(), monotonic: bootClock() };

/**
 * What ticks are stamped with: this machine's clock, unless the server has said that it is wrong (a Raspberry Pi has none at
 * boot) or it has jumped since the server confirmed it. Then the server's, carried on by the monotonic clock, until both
 * agree again.
 */
export class TickClock {
  readonly #clocks: Clocks;
  #anchor: { readonly server: number; readonly monotonic: number } | null = null;

  constructor(clocks: Clocks = systemClocks) {
    this.#clocks = clocks;
  }

  /** Milliseconds since the epoch, whole. */
  now(): number {
    const monotonic = this.#clocks.monotonic();
    return Math.max(0, Math.round(this.#zeroBy(monotonic) + monotonic));
  }

  /** The time of an earlier monotonic reading. */
  timeOf(monotonic: number): number {
    return Math.max(0, Math.round(this.zero() + monotonic));
  }

  /** The time when the monotonic clock was 0. */
  zero(): number {
    return this.#zeroBy(this.#clocks.monotonic());
  }

  /** By a monotonic reading that was taken just now. */
  #zeroBy(monotonic: number): number {
    const here = this.#clocks.wall() - monotonic;
    if (this.#anchor === null) return here;
    const there = this.#anchor.server - this.#anchor.monotonic;
    return Math.abs(here - there) > MAX_CLOCK_SKEW_MS ? there : here;
  }

  monotonic(): number {
    return this.#clocks.monotonic();
  }

  /** True once the server has told the time in this run. */
  get sure(): boolean {
    return this.#anchor !== null;
  }

  /** The server's clock shows `serverTime` now, whatever this one shows. */
  correct(serverTime: number): void {
    this.#anchor = { server: serverTime, monotonic: this.#clocks.monotonic() };
  }

  /** The server's clock shows `serverTime`, or showed it when it was sent: true if this one agrees. */
  confirm(serverTime: number): boolean {
    if (Math.abs(serverTime - this.now()) > MAX_CLOCK_SKEW_MS) return false;
    this.correct(serverTime);
    return true;
  }
}
