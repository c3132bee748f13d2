import type { Logger } from '@hostwire/transport';

/** Whether something takes what it is given; each change is logged once, however many attempts fail. */
export class Availability {
  readonly #logger: Logger;
  readonly #gone: string;
  readonly #back: string;
  #is = true;

  constructor(logger: Logger, { gone, back }: { readonly gone: string; readonly back: string }) {
    this.#logger = logger;
    this.#gone = gone;
    this.#back = back;
  }

  get is(): boolean {
    return this.#is;
  }

  succeeded(): void {
    if (this.#is) return;
    this.#is = true;
    this.#logger.info({}, this.#back);
  }

  failed(error: unknown): void {
    if (!this.#is) return;
    this.#is = false;
    this.#logger.error({ err: error }, this.#gone);
  }
}
