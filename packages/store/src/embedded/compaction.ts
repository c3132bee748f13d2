import { Chunk, decodeTimes, encodeChunk, encodeTimes, type Times } from './chunk.ts';
import type { DayFile } from './day-file.ts';
import type { Dictionary } from './dictionary.ts';
import type { HotFile, Moved } from './hot-file.ts';
import type { Job } from './hot-index.ts';
import { addRow, type ShapeTargets } from './row-merge.ts';
import { RowReader } from './row-reader.ts';
import { SeriesBuilder } from './series-merge.ts';
import { chunkKey, DAY, HOUR } from './slot.ts';

export interface CompactionContext {
  readonly hot: HotFile;
  readonly dictionary: Dictionary;
  readonly report: (problem: string) => void;
}

/** Rows between two chances to let something else run. */
const SLICE_ROWS = 200;
/** Ids that one page of hot rows spans; the rows of other jobs in between are read in vain. */
const PAGE_IDS = 500;
const MAX_GAP = 8;
/** Rows deleted in one transaction. */
const DELETE_ROWS = 3000;

/** Room that a series gets at once; a group may have thousands that have few rows each. */
const MAX_CAPACITY = 512;

interface HotRow {
  readonly time: number;
  readonly row: Buffer;
}

/** hot.db failed, not the day's file. */
export class HotFileError extends Error {
  override readonly name = 'HotFileError';
}

function fromHot<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new HotFileError(`hot.db: ${String(cause)}`, { cause });
  }
}

/**
 * Moves the rows of these jobs, all of one day, from hot.db to the day's file, merged with the chunks that are there.
 * Yields often: each step takes some ms. Killed at any point it can be repeated with the same result, because rows are
 * deleted only when the day's file is durable. Throws what reading or writing throws (HotFileError for hot.db); the day's file
 * is then rolled back.
 */
export function* compact(context: CompactionContext, file: DayFile, jobs: readonly Job[]): Generator<void, void, void> {
  const { hot } = context;
  const rows = new Map<Job, HotRow[]>(jobs.map((job) => [job, []]));
  yield* readRows(hot, jobs, rows);
  const moved: Moved[] = [];
  let durable = false;
  file.begin();
  try {
    for (const [job, jobRows] of rows) {
      const lastTime = yield* compactJob(context, file, job, jobRows);
      rows.set(job, []);
      const t0 = job.day * DAY + job.hour * HOUR;
      moved.push({ group: job.group, t0, t1: t0 + job.hours * HOUR, maxId: job.ids.at(-1) as number, lastTime });
    }
    file.commit();
    durable = true;
  } finally {
    // Also when the generator is given up because the store closes.
    if (!durable) file.rollback();
  }
  yield;
  fromHot(() => hot.recordMoved(moved));
  yield;
  const ids = jobs.flatMap((job) => job.ids).sort((a, b) => a - b);
  let ranges: [from: number, to: number][] = [];
  let count = 0;
  for (const [from, to] of toRanges(ids, 0)) {
    ranges.push([from, to]);
    count += to - from + 1;
    if (count < DELETE_ROWS && ranges.length < 500) continue;
    const full = ranges;
    fromHot(() => hot.remove(full));
    ranges = [];
    count = 0;
    yield;
  }
  if (ranges.length > 0) fromHot(() => hot.remove(ranges));
}

/** Ascending ids as ranges, over gaps of up to `gap`, of at most PAGE_IDS. */
function* toRanges(ids: readonly number[], gap: number): Generator<[from: number, to: number]> {
  let from = ids[0] as number;
  let to = from;
  for (const id of ids) {
    if (id - to > gap + 1 || id - from >= PAGE_IDS) {
      yield [from, to];
      from = id;
    }
    to = id;
  }
  yield [from, to];
}

function* readRows(hot: HotFile, jobs: readonly Job[], rows: ReadonlyMap<Job, HotRow[]>): Generator<void, void, void> {
  const jobOf = new Map<number, HotRow[]>();
  for (const job of jobs) for (const id of job.ids) jobOf.set(id, rows.get(job) as HotRow[]);
  const ids = [...jobOf.keys()].sort((a, b) => a - b);
  for (const [from, to] of toRanges(ids, MAX_GAP)) {
    for (const [id, , time, row] of fromHot(() => hot.rows(from, to))) jobOf.get(id)?.push({ time, row });
    yield;
  }
}

/** Returns the time of the newest row. */
function* compactJob(context: CompactionContext, file: DayFile, job: Job, rows: readonly HotRow[]): Generator<void, number, void> {
  const { dictionary, report } = context;
  const builders = new Map<number, SeriesBuilder>();
  const targets = new Map<number, ShapeTargets>();
  const released: number[] = [];
  const builderOf = (sid: number): SeriesBuilder => {
    let builder = builders.get(sid);
    if (builder === undefined) {
      builder = new SeriesBuilder(Math.min(Math.max(rows.length, 16), MAX_CAPACITY));
      builders.set(sid, builder);
      const block = addOldChunk(file, chunkKey(sid, job.hour), builder, dictionary, report);
      if (block !== null) released.push(block);
    }
    return builder;
  };
  const reader = new RowReader(dictionary.shapes);
  const targetsOf = ({ shape }: RowReader): ShapeTargets => {
    let target = targets.get(shape.id);
    if (target === undefined) {
      const of = shape.sids.map(builderOf);
      target = { builders: of, columns: of.map((builder) => shape.fields.map(({ id, type }) => builder.column(id, type))) };
      targets.set(shape.id, target);
    }
    return target;
  };
  let lastTime = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < rows.length; i++) {
    const { time, row } = rows[i] as HotRow;
    if (time > lastTime) lastTime = time;
    try {
      addRow(reader, row, time, targetsOf);
    } catch (error) {
      report(`a row of ${new Date(time).toISOString()} is damaged and was left out: ${String(error)}`);
    }
    if (i % SLICE_ROWS === SLICE_ROWS - 1) yield;
  }
  file.setLayout(job.group, job.hours);
  const blocks = new Blocks(file);
  let written = 0;
  for (const [sid, builder] of builders) {
    const series = builder.finish();
    builders.set(sid, EMPTY);
    if (series.n === 0 || series.columns.size === 0) continue;
    const key = chunkKey(sid, job.hour);
    const ends = [series.times[0] as number, series.times[series.n - 1] as number] as const;
    const { blob, summaries } = encodeChunk(series.columns, series);
    file.putChunk(key, blocks.idOf(series), series.n, ends, summaries, blob);
    if (++written % 8 === 0) yield;
  }
  blocks.write();
  for (const block of released) file.releaseBlock(block);
  return lastTime;
}

const EMPTY = new SeriesBuilder(1);

/** Adds the chunk that is there to the builder; returns its block of times, or null if there is none. */
function addOldChunk(
  file: DayFile,
  key: number,
  builder: SeriesBuilder,
  dictionary: Dictionary,
  report: (problem: string) => void,
): number | null {
  const old = file.chunk(key);
  if (old === null) return null;
  try {
    const chunk = new Chunk(old.blob, old.n);
    const columns = new Map();
    for (const field of chunk.fields()) columns.set(field, chunk.column(field, dictionary.fields.get(field)?.type ?? 'float'));
    builder.add(decodeTimes(old.times, old.n), columns);
  } catch (error) {
    file.keepBad(key, old.blob);
    report(`chunk ${key} of ${file.path} is damaged, it was put aside into table bad: ${String(error)}`);
  }
  return old.tblock;
}

/** The blocks of times of one job: series that have the same times share one. */
class Blocks {
  readonly #file: DayFile;
  readonly #blocks = new Map<string, { id: number; refs: number; times: Times }[]>();

  constructor(file: DayFile) {
    this.#file = file;
  }

  idOf({ n, times, nanos }: Times): number {
    const series = { n, times, nanos };
    const key = `${n}:${times[0]}:${times[n - 1]}`;
    let alike = this.#blocks.get(key);
    if (alike === undefined) {
      alike = [];
      this.#blocks.set(key, alike);
    }
    let block = alike.find((candidate) => sameTimes(candidate.times, series));
    if (block === undefined) {
      block = { id: this.#file.newBlock(), refs: 0, times: series };
      alike.push(block);
    }
    block.refs++;
    return block.id;
  }

  write(): void {
    for (const alike of this.#blocks.values()) {
      for (const { id, refs, times } of alike) {
        const ends = [times.times[0] as number, times.times[times.n - 1] as number] as const;
        this.#file.addBlock(id, refs, times.n, ...ends, encodeTimes(times));
      }
    }
  }
}

function sameTimes(a: Times, b: Times): boolean {
  if (a.n !== b.n) return false;
  for (let i = 0; i < a.n; i++) {
    if (a.times[i] !== b.times[i] || (a.nanos?.[i] ?? 0) !== (b.nanos?.[i] ?? 0)) return false;
  }
  return true;
}
