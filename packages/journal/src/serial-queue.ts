/** Runs jobs one after the other, whether they fail or not. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  /** Settles as the job does. */
  run<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(job);
    this.#tail = done.catch(() => undefined);
    return done;
  }
}
