import type { Journal, Position } from '@hostwire/journal';
import type { Logger } from '@hostwire/service';
import type { SeqRanges } from '../outbox.ts';
import type { GapLedger } from './gap-ledger.ts';
import { decodeRecord, type SampleRecord, type SpoolRecord } from './record.ts';
import { type Entry, SampleIndex } from './sample-index.ts';

const READ_BYTES = 1024 * 1024;
/** More than a segment holds: what claims to miss more is itself damaged. */
const MAX_MISSED = 100_000;

export interface Restored {
  readonly index: SampleIndex;
  /** Samples that a damaged segment held and no other record tells of. */
  readonly missed: readonly Entry[];
  /** The last record of gaps. */
  readonly gapAt: Position | null;
  /** The oldest segment that could not be read; null: all were. */
  readonly unread: number | null;
}

/**
 * Reads what earlier runs left. With `damaged`, numbers that are missing where a segment ends count as samples that it held.
 * Never rejects: what cannot be read is left out and logged.
 */
export async function restore(
  journal: Journal,
  ledger: GapLedger,
  { damaged, logger }: { readonly damaged: boolean; readonly logger: Logger },
): Promise<Restored> {
  const replay = new Replay(ledger, damaged);
  let at = journal.first;
  let unread: number | null = null;
  for (;;) {
    try {
      const records = await journal.read(at, READ_BYTES);
      for (const { bytes, position } of records) replay.apply(decodeRecord(bytes), position);
      const last = records.at(-1);
      if (last === undefined) break;
      at = last.end;
    } catch (error) {
      const next = journal.segments().find(({ segment }) => segment > at.segment);
      unread ??= at.segment;
      logger.warn({ err: error, segment: at.segment }, 'a part of the spool cannot be read; what it holds waits for the next start');
      if (next === undefined) break;
      at = { segment: next.segment, offset: 0 };
    }
  }
  return { ...replay.result(), unread };
}

class Replay {
  readonly #index = new SampleIndex();
  readonly #ledger: GapLedger;
  readonly #damaged: boolean;
  #gapAt: Position | null = null;
  #previous: Entry | null = null;
  #boot = '';

  constructor(ledger: GapLedger, damaged: boolean) {
    this.#ledger = ledger;
    this.#damaged = damaged;
  }

  apply(record: SpoolRecord | null, position: Position): void {
    if (record === null) return;
    if (record.kind === 'sample') this.#keep(record, position);
    else if (record.kind === 'ack') this.#remove(record.run, record.seqs);
    else if (record.kind === 'time') {
      for (const entry of this.#index.named(record.run, record.seqs)) entry.time = timeAt(record.zero, entry.monotonic);
    } else {
      this.#gapAt = position;
      this.#ledger.replace(record.gaps);
      for (const { run, seqs } of record.drop) this.#remove(run, seqs);
      if (record.before === 0) return;
      for (const entry of [...this.#index.all()]) if (entry.segment < record.before) this.#index.remove(entry);
    }
  }

  result(): Omit<Restored, 'unread'> {
    const missed = [...this.#index.all()].filter(({ segment }) => segment < 0);
    return { index: this.#index, missed, gapAt: this.#gapAt };
  }

  #keep(record: SampleRecord, { segment, offset }: Position): void {
    this.#ledger.subtract(record.gaps);
    const known = this.#index.get(record.run, record.seq);
    if (known !== undefined) {
      known.time = record.time;
      this.#index.place(known, segment, offset);
      return;
    }
    // Strings that were read apart are kept once.
    const run = this.#previous?.run === record.run ? this.#previous.run : record.run;
    if (this.#boot !== record.boot) this.#boot = record.boot;
    const entry = toEntry(record, { run, boot: this.#boot, segment, offset });
    if (this.#damaged) this.#miss(record, entry);
    this.#index.add(entry);
    this.#previous = entry;
  }

  #miss({ low }: SampleRecord, next: Entry): void {
    const previous = this.#previous;
    if (previous === null || previous.run !== next.run || previous.segment === next.segment) return;
    const from = Math.max(previous.seq + 1, low);
    for (let seq = from; seq < next.seq && seq - from < MAX_MISSED; seq++) {
      this.#index.add({ ...previous, seq, gaps: [], segment: -1, offset: -1, gone: false });
    }
  }

  #remove(run: string, seqs: SeqRanges): void {
    for (const entry of this.#index.named(run, seqs)) this.#index.remove(entry);
  }
}

/** The time at a monotonic reading, ms since the epoch. */
export function timeAt(zero: number, monotonic: number): number {
  return Math.max(0, Math.round(zero + monotonic));
}

function toEntry(
  { seq, tier, time, interval, monotonic, sure, gaps }: SampleRecord,
  { run, boot, segment, offset }: Pick<Entry, 'run' | 'boot' | 'segment' | 'offset'>,
): Entry {
  const kept = gaps.length === 0 ? NO_GAPS : gaps;
  return {
    run,
    seq,
    tier,
    time,
    interval,
    monotonic,
    boot,
    sure,
    gaps: kept,
    segment,
    offset,
    text: null,
    writing: false,
    settled: true,
    gone: false,
  };
}

/** One for all: a long backlog holds tens of thousands of entries. */
export const NO_GAPS: Entry['gaps'] = [];
