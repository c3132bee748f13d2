/** Samples a second that are made now: declared at first, then as measured. */
export class LiveRate {
  #declared = 0;
  #from = Number.NaN;
  #count = 0;
  #measured = 0;

  /** In samples a second: what was measured before says nothing of it. */
  declare(declared: number): void {
    this.#declared = declared;
    this.#measured = 0;
    this.#from = Number.NaN;
    this.#count = 0;
  }

  /** One more was made at `now`, ms. */
  add(now: number): void {
    if (Number.isNaN(this.#from)) this.#from = now;
    this.#count++;
    const seconds = (now - this.#from) / 1000;
    if (seconds < 5) return;
    this.#measured = this.#count / seconds;
    this.#from = now;
    this.#count = 0;
  }

  perSecond(now: number): number {
    const seconds = (now - this.#from) / 1000;
    return Math.max(this.#declared, this.#measured, seconds >= 1 ? this.#count / seconds : 0);
  }
}

/** How many may go now at a rate that may change; a fifth of a second's worth may be saved up. */
export class Budget {
  #tokens = 0;
  #at = Number.NaN;

  /** Whole ones that may be spent at `now`, ms. */
  available(now: number, perSecond: number): number {
    if (!Number.isNaN(this.#at)) {
      this.#tokens = Math.min(this.#tokens + ((now - this.#at) / 1000) * perSecond, Math.max(1, perSecond / 5));
    }
    this.#at = now;
    return Math.floor(this.#tokens);
  }

  spend(count: number): void {
    this.#tokens -= count;
  }

  /** Milliseconds from `now` until one more may be spent. */
  wait(now: number, perSecond: number): number {
    const since = Number.isNaN(this.#at) ? 0 : now - this.#at;
    return Math.max(0, ((1 - this.#tokens) / perSecond) * 1000 - since);
  }
}
