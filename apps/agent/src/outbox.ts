import { encodeSample, type Sample, type Tier } from '@hostwire/model';

/** A sample that is kept until the server says that it is durable. */
export interface StoredSample {
  readonly run: string;
  readonly seq: number;
  readonly tier: Tier;
  /** Milliseconds since the epoch, as in the sample. */
  readonly time: number;
  /** Seconds. */
  readonly interval: number;
  /** Milliseconds on the agent's monotonic clock when the tick began. */
  readonly monotonic: number;
  /** The sample's JSON as first encoded; `time` above goes before the one in it. */
  readonly text: string;
}

/** Inclusive ranges of `seq`, as in an ack. */
export type SeqRanges = readonly (readonly [from: number, to: number])[];

/** Where samples wait for the server's acknowledgement. */
export interface Outbox {
  /** Keeps a sample; may give up the oldest ones for it. */
  append(sample: Sample, monotonic: number): StoredSample;
  /** All that is kept, oldest first. */
  pending(): Iterable<StoredSample>;
  has(stored: StoredSample): boolean;
  /** Gives a kept sample another time; null if it is no longer kept. */
  restamp(stored: StoredSample, time: number): StoredSample | null;
  /** Forgets samples that are durable elsewhere; returns how many were kept. */
  forget(run: string, ranges: SeqRanges): number;
  readonly size: number;
  /** Samples given up because there was no room. */
  readonly dropped: number;
}

/** An outbox in memory, bounded in samples and bytes: the oldest go first. What it holds is lost with the process. */
export class MemoryOutbox implements Outbox {
  /** Maps keep their order of insertion, so the first is the oldest. */
  readonly #kept = new Map<string, StoredSample>();
  readonly #maxSamples: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #dropped = 0;

  constructor({ maxSamples = 10_000, maxBytes = 64 * 1024 * 1024 }: { readonly maxSamples?: number; readonly maxBytes?: number } = {}) {
    this.#maxSamples = maxSamples;
    this.#maxBytes = maxBytes;
  }

  append(sample: Sample, monotonic: number): StoredSample {
    const { run, seq, tier, time, interval } = sample;
    const stored = { run, seq, tier, time, interval, monotonic, text: encodeSample(sample) };
    this.#kept.set(keyOf(run, seq), stored);
    this.#bytes += stored.text.length;
    for (const [key, oldest] of this.#kept) {
      if (oldest === stored || (this.#kept.size <= this.#maxSamples && this.#bytes <= this.#maxBytes)) break;
      this.#delete(key);
      this.#dropped++;
    }
    return stored;
  }

  pending(): Iterable<StoredSample> {
    return this.#kept.values();
  }

  has(stored: StoredSample): boolean {
    return this.#kept.has(keyOf(stored.run, stored.seq));
  }

  restamp(stored: StoredSample, time: number): StoredSample | null {
    const key = keyOf(stored.run, stored.seq);
    if (!this.#kept.has(key)) return null;
    const changed = { ...stored, time };
    this.#kept.set(key, changed);
    return changed;
  }

  forget(run: string, ranges: SeqRanges): number {
    let count = 0;
    for (const [key, stored] of this.#kept) {
      if (stored.run === run && isInRanges(stored.seq, ranges) && this.#delete(key)) count++;
    }
    return count;
  }

  get size(): number {
    return this.#kept.size;
  }

  get dropped(): number {
    return this.#dropped;
  }

  #delete(key: string): boolean {
    this.#bytes -= this.#kept.get(key)?.text.length ?? 0;
    return this.#kept.delete(key);
  }
}

export function isInRanges(seq: number, ranges: SeqRanges): boolean {
  return ranges.some(([from, to]) => seq >= from && seq <= to);
}

function keyOf(run: string, seq: number): string {
  return `${run}/${seq}`;
}
