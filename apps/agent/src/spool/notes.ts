import type { Gap } from '@hostwire/collectors';
import type { SpoolRecord, TimeRecord } from './record.ts';
import { toRanges } from './sample-index.ts';

type Seqs = Map<string, Set<number>>;

/**
 * What is to be written about samples that lie in the spool already: acknowledged, given up, restamped; and what is missing.
 * It may wait: a later run that does not know of it sends samples again, which does no harm.
 */
export class Notes {
  #times: TimeRecord[] = [];
  #acked: Seqs = new Map();
  #dropped: Seqs = new Map();
  #before = 0;
  #gapsChanged = false;

  get empty(): boolean {
    return this.#times.length === 0 && this.#acked.size === 0 && !this.#gapsChanged;
  }

  acknowledged(run: string, seq: number): void {
    add(this.#acked, run, seq);
  }

  /** It is counted in a gap. */
  dropped(run: string, seq: number): void {
    add(this.#dropped, run, seq);
    this.#gapsChanged = true;
  }

  /** All before this segment is counted in gaps. */
  droppedBefore(segment: number): void {
    this.#before = Math.max(this.#before, segment);
    this.#gapsChanged = true;
  }

  gapsChanged(): void {
    this.#gapsChanged = true;
  }

  restamped(record: TimeRecord): void {
    this.#times.push(record);
  }

  /** All that is to be written, with the gaps that no sample on disk tells; `undo` puts it back. */
  take(untold: readonly Gap[]): { readonly records: SpoolRecord[]; readonly undo: () => void } {
    const { times, acked, dropped, before, changed } = {
      times: this.#times,
      acked: this.#acked,
      dropped: this.#dropped,
      before: this.#before,
      changed: this.#gapsChanged,
    };
    this.#times = [];
    this.#acked = new Map();
    this.#dropped = new Map();
    this.#before = 0;
    this.#gapsChanged = false;
    const records: SpoolRecord[] = [...times];
    for (const [run, seqs] of acked) records.push({ kind: 'ack', run, seqs: toRanges(seqs) });
    const drop = [...dropped].map(([run, seqs]) => ({ run, seqs: toRanges(seqs) }));
    if (changed) records.push({ kind: 'gap', gaps: untold, drop, before });
    const undo = (): void => {
      this.#times = [...times, ...this.#times];
      merge(this.#acked, acked);
      merge(this.#dropped, dropped);
      this.#before = Math.max(this.#before, before);
      this.#gapsChanged ||= changed;
    };
    return { records, undo };
  }
}

function add(seqs: Seqs, run: string, seq: number): void {
  const known = seqs.get(run);
  if (known === undefined) seqs.set(run, new Set([seq]));
  else known.add(seq);
}

function merge(into: Seqs, from: Seqs): void {
  for (const [run, seqs] of from) for (const seq of seqs) add(into, run, seq);
}
