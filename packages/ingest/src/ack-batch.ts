import type { Ack } from '@hostwire/model';

/** As in AckSchema. */
const MAX_RANGES = 1024;

type Range = [from: number, to: number];
interface Seqs {
  readonly stored: number[];
  readonly clock: number[];
}

/** What is to be acknowledged, collected by host and run so that one commit sends few messages. */
export class AckBatch {
  readonly #hosts = new Map<string, Map<string, Seqs>>();

  get empty(): boolean {
    return this.#hosts.size === 0;
  }

  add(host: string, run: string, seq: number, kind: keyof Seqs): void {
    let runs = this.#hosts.get(host);
    if (runs === undefined) {
      runs = new Map();
      this.#hosts.set(host, runs);
    }
    let seqs = runs.get(run);
    if (seqs === undefined) {
      seqs = { stored: [], clock: [] };
      runs.set(run, seqs);
    }
    seqs[kind].push(seq);
  }

  /** Empties the batch. `time` is the server's clock. */
  take(time: number): { readonly host: string; readonly ack: Ack }[] {
    const acks: { host: string; ack: Ack }[] = [];
    for (const [host, runs] of this.#hosts) {
      for (const [run, { stored, clock }] of runs) {
        const seqs = chunks(toRanges(stored));
        const clocks = chunks(toRanges(clock));
        for (let i = 0; i < Math.max(seqs.length, clocks.length); i++) {
          const [some, late] = [seqs[i], clocks[i]];
          acks.push({
            host,
            ack: { run, ...(some === undefined ? {} : { seqs: some }), time, ...(late === undefined ? {} : { clock: late }) },
          });
        }
      }
    }
    this.#hosts.clear();
    return acks;
  }
}

/** Inclusive ranges that hold exactly these numbers, in order; repeated numbers count once. */
export function toRanges(numbers: readonly number[]): Range[] {
  const ranges: Range[] = [];
  let last: Range | undefined;
  for (const number of [...numbers].sort((a, b) => a - b)) {
    if (last !== undefined && number <= last[1] + 1) {
      last[1] = number;
    } else {
      last = [number, number];
      ranges.push(last);
    }
  }
  return ranges;
}

function chunks(ranges: readonly Range[]): Range[][] {
  const all: Range[][] = [];
  for (let at = 0; at < ranges.length; at += MAX_RANGES) all.push(ranges.slice(at, at + MAX_RANGES));
  return all;
}
