import { MAX_CLOCK_SKEW_MS } from '@hostwire/model';

/** The two clocks of a machine; injected in tests. */
export interface Clocks {
  /** Milliseconds since the epoch; may jump. */
  wall(): number;
  /** Milliseconds that only ever grow. */
  monotonic(): number;
}

export const systemClocks: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * What ticks are stamped with: this machine's clock, unless the server has said that it is wrong (a Raspberry Pi has none at
 * boot). Then the server's, carried on by the monotonic clock, until both agree again.
 */
export class TickClock {
  readonly #clocks: Clocks;
  #anchor: { readonly server: number; readonly monotonic: number } | null = null;

  constructor(clocks: Clocks = systemClocks) {
    this.#clocks = clocks;
  }

  /** Milliseconds since the epoch, whole. */
  now(): number {
    return this.timeOf(this.#clocks.monotonic());
  }

  /** The time of an earlier monotonic reading. */
  timeOf(monotonic: number): number {
    const here = this.#clocks.wall() - (this.#clocks.monotonic() - monotonic);
    if (this.#anchor === null) return Math.round(here);
    const there = this.#anchor.server + (monotonic - this.#anchor.monotonic);
    return Math.round(Math.abs(here - there) > MAX_CLOCK_SKEW_MS ? there : here);
  }

  monotonic(): number {
    return this.#clocks.monotonic();
  }

  /** The server's clock shows `serverTime` now. */
  correct(serverTime: number): void {
    this.#anchor = { server: serverTime, monotonic: this.#clocks.monotonic() };
  }
}
