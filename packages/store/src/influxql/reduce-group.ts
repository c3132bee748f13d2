import type { Group } from './groups.ts';
import { createReducer, type Reducer } from './reducer.ts';
import { readingOf, scanBlocks } from './scan-blocks.ts';
import type { Stream } from './stream-plan.ts';
import { MAX_TIME, MIN_TIME, splitNs, type TimeRange } from './time-range.ts';
import type { Windows } from './windows.ts';

export type Reduce = Extract<Stream, { kind: 'reduce' }>;

/** Reducers of one group, filled, and the buckets they were filled in. */
export interface Reduction {
  /** Start of each bucket that was met (ms), in the order of meeting; one entry where there are no windows. */
  readonly starts: readonly number[];
  readonly reducers: ReadonlyMap<Reduce, Reducer>;
}

/** Reads the members once for all the reductions that share a range. */
export function reduceGroup(
  group: Group,
  reduces: readonly Reduce[],
  range: TimeRange,
  windows: Windows | null,
  needPoints: boolean,
): Reduction {
  const slots = new Slots();
  const reducers = new Map(reduces.map((reduce) => [reduce, reducerFor(reduce)] as const));
  if (windows === null && onlyLast(group, reduces, range)) {
    slots.of(0);
    readLast(group, reduces, reducers, range);
    return { starts: slots.starts, reducers };
  }
  const fields = [...new Set(reduces.map((reduce) => reduce.field))];
  const work = reduces.map((reduce) => ({ reducer: reducers.get(reduce) as Reducer, column: fields.indexOf(reduce.field) }));
  const summable = !needPoints && work.every(({ reducer }) => reducer.addSummary !== undefined);
  const oneBucket = windows === null ? () => true : (t0: number, t1: number) => t1 < windows.end(t0);
  group.members.forEach((member, series) => {
    for (const { block, mask } of scanBlocks(readingOf(member, fields), range, summable ? oneBucket : undefined)) {
      if (block.kind === 'summary') {
        const slot = slots.of(windows === null ? 0 : windows.start(block.t0));
        for (const { reducer, column } of work) {
          const summary = block.summaries[column] ?? null;
          if (summary !== null) reducer.addSummary?.(slot, summary, series);
        }
        continue;
      }
      let from = 0;
      while (from < block.n) {
        const time = block.times[from] ?? 0;
        const start = windows === null ? 0 : windows.start(time);
        const to = windows === null ? block.n : endOfRun(block.times, from, block.n, windows.end(time));
        const slot = slots.of(start);
        for (const { reducer, column } of work) {
          const values = block.columns[column] ?? null;
          if (values !== null) reducer.add(slot, { block, column: values, mask, from, to, series });
        }
        from = to;
      }
    }
  });
  return { starts: slots.starts, reducers };
}

function reducerFor(reduce: Reduce): Reducer {
  return createReducer(reduce.name, reduce.fieldType, reduce.parameter);
}

/** last() alone: the engine knows each series' newest point without a scan. */
function onlyLast(group: Group, reduces: readonly Reduce[], range: TimeRange): boolean {
  const wholeMs = splitNs(range.min).nanos === 0 && splitNs(range.max).nanos === 999_999;
  const unbounded = range.max === MAX_TIME;
  return (
    (wholeMs || (unbounded && (range.min === MIN_TIME || splitNs(range.min).nanos === 0))) &&
    reduces.every((reduce) => reduce.name === 'last') &&
    group.members.every((member) => member.filter === null)
  );
}

function readLast(group: Group, reduces: readonly Reduce[], reducers: ReadonlyMap<Reduce, Reducer>, range: TimeRange): void {
  for (const reduce of reduces) {
    const reducer = reducers.get(reduce);
    group.members.forEach(({ source, ref }, series) => {
      const last = source.last(ref, reduce.field, splitNs(range.min).ms, splitNs(range.max).ms);
      if (last !== null) reducer?.offer?.(0, last.value, last.time, last.nanos, series);
    });
  }
}

/** Numbers buckets as they are met. Series of one group mostly have the same buckets, one after the other. */
class Slots {
  readonly starts: number[] = [];
  private readonly known = new Map<number, number>();
  private last = -1;

  of(start: number): number {
    if (this.starts[this.last] === start) return this.last;
    if (this.starts[this.last + 1] === start) return ++this.last;
    let slot = this.known.get(start);
    if (slot === undefined) {
      slot = this.starts.push(start) - 1;
      this.known.set(start, slot);
    }
    this.last = slot;
    return slot;
  }
}

/** The first row at or after `end`; runs are short or reach far, so it gallops. */
function endOfRun(times: Float64Array, from: number, n: number, end: number): number {
  let step = 1;
  let low = from;
  while (low + step < n && (times[low + step] ?? 0) < end) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, n);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < end) low = middle;
    else high = middle;
  }
  return high;
}
