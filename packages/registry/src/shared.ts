/**
 * Runs a job for many callers: never twice at once, and each caller gets the outcome of a run that began after it asked.
 * All who ask while one run is under way share the next.
 */
export class Shared<T> {
  readonly #job: () => Promise<T>;
  #running: Promise<unknown> | null = null;
  #next: Promise<T> | null = null;

  constructor(job: () => Promise<T>) {
    this.#job = job;
  }

  run(): Promise<T> {
    if (this.#running === null) return this.#start();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<T> {
    const run = this.#job();
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    const ended = settled.then(() => {
      if (this.#running === ended && this.#next === null) this.#running = null;
    });
    this.#running = ended;
    return run;
  }
}
