import type { Entry } from './sample-index.ts';

export interface RingLimits {
  readonly bytes: number;
  readonly samples: number;
}

/** The samples whose text is in memory, oldest first: on their way to the disk, or waiting until that takes them. */
export class Ring {
  readonly #entries = new Set<Entry>();
  readonly #limits: RingLimits;
  #bytes = 0;

  constructor(limits: RingLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(entry: Entry, text: string): void {
    entry.text = text;
    this.#entries.add(entry);
    this.#bytes += text.length;
  }

  /** Its text is no longer in memory. */
  delete(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.#bytes -= entry.text?.length ?? 0;
    entry.text = null;
  }

  /** The oldest ones that are beyond the limits, but never the newest of all. */
  *overflow(): Generator<Entry> {
    let { size } = this.#entries;
    let bytes = this.#bytes;
    for (const entry of this.#entries) {
      if (size <= 1 || (size <= this.#limits.samples && bytes <= this.#limits.bytes)) return;
      size--;
      bytes -= entry.text?.length ?? 0;
      yield entry;
    }
  }

  get nearlyFull(): boolean {
    return this.#entries.size > this.#limits.samples * 0.75 || this.#bytes > this.#limits.bytes * 0.75;
  }

  /** The oldest ones that are not on their way, about `maxBytes` of them and at least one if there is one. */
  waiting(maxBytes: number): Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries) {
      if (entry.writing) continue;
      bytes += entry.text?.length ?? 0;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  entries(): Iterable<Entry> {
    return this.#entries;
  }
}
