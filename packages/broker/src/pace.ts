/** What one client may make this process compute at once, and then as a part of all time. */
const BURST_MS = 500;
const SHARE = 0.25;

/**
 * A few KiB of gzip can be a second of work, and all clients share one thread. So the time that a client's messages
 * cost is measured, and who has used up its share waits: its next message is not looked at before.
 */
export class Pace {
  #credit = BURST_MS;
  #at = performance.now();
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Runs `work` now, or in its turn when there is time for it again. */
  run(work: () => void): void {
    if (this.#waiting.length > 0 || this.#delay() > 0) {
      this.#waiting.push(work);
      this.#wait();
    } else {
      this.#measure(work);
    }
  }

  spent(ms: number): void {
    this.#credit -= ms;
  }

  /** Forgets what waits. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      while (this.#waiting.length > 0 && this.#delay() <= 0) this.#measure(this.#waiting.shift() as () => void);
      if (this.#waiting.length > 0) this.#wait();
    }, this.#delay() + 1).unref();
  }

  #measure(work: () => void): void {
    const start = performance.now();
    work();
    this.spent(performance.now() - start);
  }

  /** Ms until there is time again. */
  #delay(): number {
    const now = performance.now();
    this.#credit = Math.min(BURST_MS, this.#credit + (now - this.#at) * SHARE);
    this.#at = now;
    return -this.#credit / SHARE;
  }
}
