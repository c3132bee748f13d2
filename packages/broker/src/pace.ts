/** What one client may make this process compute at once, and then as a part of all time. */
const BURST_MS = 100;
const SHARE = 0.25;
/** All who wait have this part of all time together, however many they are: the others need some too. */
const SHARE_OF_ALL = 0.5;

/** The clients of one process, as far as they wait for their turn. */
export class PaceGroup {
  waiting = 0;

  /** The part of all time that each of those who wait has. */
  get share(): number {
    return Math.min(SHARE, SHARE_OF_ALL / Math.max(1, this.waiting));
  }
}

/**
 * A few KiB of gzip can be a second of work, and all clients share one thread. So the time that a client's messages
 * cost is measured, and who has used up its share waits: its next message is not looked at before.
 */
export class Pace {
  readonly #group: PaceGroup;
  #credit = BURST_MS;
  #at = performance.now();
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(group: PaceGroup) {
    this.#group = group;
  }

  /** Runs `work` now, or in its turn when there is time for it again. */
  run(work: () => void): void {
    if (this.#waiting.length > 0 || this.#delay() > 0) {
      if (this.#waiting.push(work) === 1) this.#group.waiting++;
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
    if (this.#waiting.length > 0) this.#group.waiting--;
    this.#waiting = [];
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      while (this.#waiting.length > 0 && this.#delay() <= 0) this.#measure(this.#take());
      if (this.#waiting.length > 0) this.#wait();
    }, this.#delay() + 1).unref();
  }

  #take(): () => void {
    const [work] = this.#waiting.splice(0, 1) as [() => void];
    if (this.#waiting.length === 0) this.#group.waiting--;
    return work;
  }

  #measure(work: () => void): void {
    const start = performance.now();
    work();
    this.spent(performance.now() - start);
  }

  /** Ms until there is time again. */
  #delay(): number {
    const now = performance.now();
    const { share } = this.#group;
    this.#credit = Math.min(BURST_MS, this.#credit + (now - this.#at) * share);
    this.#at = now;
    return -this.#credit / share;
  }
}
