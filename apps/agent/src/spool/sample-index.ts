import type { Gap } from '@hostwire/collectors';
import type { Tier } from '@hostwire/model';
import type { SeqRanges, StoredSample } from '../outbox.ts';

/** A sample that is kept: what is known of it without reading the disk. */
export interface Entry extends StoredSample {
  time: number;
  readonly tier: Tier;
  readonly sure: boolean;
  readonly gaps: readonly Gap[];
  /** Where it lies on disk; segment -1: nowhere yet. */
  segment: number;
  offset: number;
  /** The sample's JSON while it is in memory. */
  text: string | null;
  /** It was handed to the disk, which has not answered. */
  writing: boolean;
  /** It is as safe as it will be, so it may be sent. */
  settled: boolean;
  /** Acknowledged or given up. */
  gone: boolean;
}

/** All samples that are kept, oldest run first and by their number within, and how many of them each segment holds. */
export class SampleIndex {
  readonly #runs = new Map<string, Map<number, Entry>>();
  readonly #perSegment = new Map<number, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(run: string, seq: number): Entry | undefined {
    return this.#runs.get(run)?.get(seq);
  }

  /** Adds an entry that is newer than all others of its run. */
  add(entry: Entry): void {
    const run = this.#runs.get(entry.run);
    if (run === undefined) this.#runs.set(entry.run, new Map([[entry.seq, entry]]));
    else run.set(entry.seq, entry);
    this.#size++;
    this.#count(entry.segment, 1);
  }

  /** Says where an entry lies now. */
  place(entry: Entry, segment: number, offset: number): void {
    this.#count(entry.segment, -1);
    entry.segment = segment;
    entry.offset = offset;
    this.#count(segment, 1);
  }

  /** Removes an entry; false if it was not there. */
  remove(entry: Entry): boolean {
    const run = this.#runs.get(entry.run);
    if (run?.get(entry.seq) !== entry) return false;
    run.delete(entry.seq);
    if (run.size === 0) this.#runs.delete(entry.run);
    this.#size--;
    this.#count(entry.segment, -1);
    entry.gone = true;
    return true;
  }

  /** The entries that ranges name; these may be far wider than what is kept. */
  named(run: string, ranges: SeqRanges): Entry[] {
    const kept = this.#runs.get(run);
    if (kept === undefined) return [];
    const found: Entry[] = [];
    for (const [from, to] of ranges) {
      if (to - from < kept.size) {
        for (let seq = from; seq <= to; seq++) {
          const entry = kept.get(seq);
          if (entry !== undefined) found.push(entry);
        }
      } else {
        for (const entry of kept.values()) if (entry.seq >= from && entry.seq <= to) found.push(entry);
      }
    }
    return found;
  }

  /** The lowest number of a run that is kept, or null. */
  first(run: string): number | null {
    return this.#runs.get(run)?.keys().next().value ?? null;
  }

  /** Oldest first. What is added or removed meanwhile is seen. */
  *all(): Generator<Entry> {
    for (const run of this.#runs.values()) yield* run.values();
  }

  runs(): string[] {
    return [...this.#runs.keys()];
  }

  /** The oldest segment that holds an entry, or null. */
  oldestSegment(): number | null {
    let oldest: number | null = null;
    for (const segment of this.#perSegment.keys()) if (oldest === null || segment < oldest) oldest = segment;
    return oldest;
  }

  #count(segment: number, by: number): void {
    if (segment < 0) return;
    const count = (this.#perSegment.get(segment) ?? 0) + by;
    if (count === 0) this.#perSegment.delete(segment);
    else this.#perSegment.set(segment, count);
  }
}

/** Numbers as inclusive ranges, in order. */
export function toRanges(seqs: Iterable<number>): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && seq <= last[1] + 1) last[1] = Math.max(last[1], seq);
    else ranges.push([seq, seq]);
  }
  return ranges;
}
