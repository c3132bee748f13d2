import type { Gap } from '@hostwire/collectors';
import type { Sample, Tier } from '@hostwire/model';

/** A sample that is kept until the server says that it is durable. (run, seq) names it. */
export interface StoredSample {
  readonly run: string;
  readonly seq: number;
  readonly tier: Tier;
  /** Milliseconds since the epoch. Only `restamp` changes it. */
  readonly time: number;
  /** Seconds. */
  readonly interval: number;
  /** Milliseconds since the machine's boot when the tick began. */
  readonly monotonic: number;
  /** Names that boot: only times of the present one can be compared with the present clock. */
  readonly boot: string;
  /** False if the clock was not yet known to be right when `time` was taken. */
  readonly sure: boolean;
  /** Its JSON, perhaps with an earlier time, while it is in memory; null: the disk has to be read for it. */
  readonly text: string | null;
  /** It may be sent: it is where a `kill -9` does not reach it, or as near to there as the disk allows. */
  readonly settled: boolean;
  /** Acknowledged or given up. */
  readonly gone: boolean;
}

/** Inclusive ranges of `seq`, as in an ack. */
export type SeqRanges = readonly (readonly [from: number, to: number])[];

/** A sample that was just taken in. */
export interface Kept {
  readonly stored: StoredSample;
  /** Its JSON, with the gaps that it tells. */
  readonly text: string;
  /** Resolves when it is `settled`. Never rejects. */
  readonly settled: Promise<void>;
}

export interface OutboxStats {
  /** On disk and in memory. */
  readonly bytes: number;
  readonly samples: number;
  /** Samples given up since the start; each was counted in a gap. */
  readonly dropped: number;
  /** Times that the disk refused, since the start. */
  readonly ioErrors: number;
}

/** Where samples wait for the server's acknowledgement. */
export interface Outbox {
  /** Whether a sample was sent and may be acknowledged yet: given up then, it is no gap if the acknowledgement still comes. */
  isUnderWay: (stored: StoredSample) => boolean;
  /** Keeps a sample; it tells of the gaps that no other has told. */
  append(sample: Sample, monotonic: number): Kept;
  /** All that is kept, oldest first. What is added or removed meanwhile is seen. */
  pending(): Iterator<StoredSample>;
  /** Its JSON with its present time; null if it is gone (what cannot be read is given up). Rejects if the disk does not answer now. */
  read(stored: StoredSample): Promise<string | null>;
  /** The samples that ranges name. */
  named(run: string, ranges: SeqRanges): StoredSample[];
  /** Gives samples of this boot the time `zero + monotonic`, rounded. Resolves when a later run will know it too. Never rejects. */
  restamp(samples: readonly StoredSample[], zero: number): Promise<void>;
  /** Gives samples up; a gap tells of them. */
  giveUp(samples: readonly StoredSample[], reason: Gap['reason']): void;
  /** Forgets samples that are durable elsewhere. */
  forget(run: string, ranges: SeqRanges): StoredSample[];
  /** Gives up what is too old; called when the server has confirmed the clock. */
  expire(): void;
  readonly size: number;
  /** Names the present boot. */
  readonly boot: string;
  stats(): OutboxStats;
}

export function isInRanges(seq: number, ranges: SeqRanges): boolean {
  return ranges.some(([from, to]) => seq >= from && seq <= to);
}
