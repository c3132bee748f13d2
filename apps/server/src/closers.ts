import type { Logger } from '@hostwire/service';

/** What has been started, to be stopped in reverse order. */
export class Closers {
  readonly #logger: Logger;
  readonly #closers: { readonly name: string; readonly close: () => unknown }[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(name: string, close: () => unknown): void {
    this.#closers.push({ name, close });
  }

  /** Stops everything, each part once; one that fails is logged and stops none of the others. */
  async close(): Promise<void> {
    for (let part = this.#closers.pop(); part !== undefined; part = this.#closers.pop()) {
      try {
        await part.close();
      } catch (error) {
        this.#logger.error({ err: error, part: part.name }, `${part.name} failed to stop`);
      }
    }
  }
}
