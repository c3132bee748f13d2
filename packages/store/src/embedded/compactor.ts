import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compact } from './compaction.ts';
import { DayFile } from './day-file.ts';
import type { Dictionary } from './dictionary.ts';
import { type HotFile, rawDirectory } from './hot-file.ts';
import type { HotIndex, Job } from './hot-index.ts';
import { DAY, dayFileName, dayOfFileName, type SlotHours } from './slot.ts';
import { isDamagedFile } from './sql.ts';

const MAX_OPEN = 4;
const MAX_BATCH_ROWS = 8000;
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** After a failure (a full disk), before the next try. */
const PAUSE = 60_000;

export interface CompactorContext {
  readonly directory: string;
  readonly hot: HotFile;
  readonly index: HotIndex;
  readonly dictionary: Dictionary;
  readonly hotLimit: number;
  readonly now: () => number;
  readonly report: (problem: string) => void;
}

/** Moves hot rows to day files, a few ms at a time. The writer thread asks it for the next step when it has nothing else to do. */
export class Compactor {
  readonly #context: CompactorContext;
  readonly #files = new Map<number, DayFile>();
  /** Hours of a slot by group and day; null: none is fixed yet. */
  readonly #layouts = new Map<string, SlotHours | null>();
  #running: { jobs: Job[]; steps: Generator<void, void, void> } | null = null;
  #queue: Job[] = [];
  /** All rows are to be looked for once more when the queue is done. */
  #again = false;
  #pausedUntil = 0;
  /** Files that have something in their write-ahead log. */
  #toCheckpoint: (DayFile | HotFile)[] = [];
  compactions = 0;
  /** The last failure since `plan`; null if all went well. */
  error: string | null = null;

  constructor(context: CompactorContext) {
    this.#context = context;
  }

  get busy(): boolean {
    return this.#running !== null || this.#queue.length > 0 || this.#again || this.#toCheckpoint.length > 0;
  }

  /** Looks for rows to move; `all`: whether they are due or not. */
  plan(all: boolean): void {
    const { index, hotLimit, now } = this.#context;
    if (this.#running !== null || this.#queue.length > 0) {
      // The slot length of a day is fixed when its first rows are in the file, not when they are queued.
      this.#again ||= all;
      return;
    }
    if (all) this.error = null;
    else if (now() < this.#pausedUntil) return;
    const fixed = (group: number, day: number): SlotHours | null => this.#layout(group, day);
    this.#queue.push(...index.take(all ? 'all' : 'due', now(), fixed));
    // A job takes only so many rows of a slot.
    if (all) this.#again = index.rows > 0;
    if (this.#queue.length === 0 && index.bytes > hotLimit) this.#queue.push(...index.take('oldest', now(), fixed));
  }

  /** Takes one step. */
  step(): void {
    if (this.#running === null && this.#queue.length === 0 && this.#again) {
      this.#again = false;
      this.plan(true);
    }
    this.#running ??= this.#next();
    if (this.#running === null) {
      this.#checkpoint();
      return;
    }
    const { jobs, steps } = this.#running;
    try {
      if (steps.next().done !== true) return;
      this.compactions += jobs.length;
      for (const { group, day } of jobs) this.#layouts.delete(`${group}:${day}`);
      if (this.#queue.length === 0) this.#toCheckpoint = [...this.#files.values(), this.#context.hot];
    } catch (error) {
      this.#failed(jobs, error);
    }
    this.#running = null;
  }

  /** Drops the files of days that are over for longer than `retention` ms. Readers close them when they see them gone. */
  dropBefore(time: number): void {
    const folder = rawDirectory(this.#context.directory);
    for (const name of readdirSync(folder)) {
      const day = dayOfFileName(name);
      if (day === null || (day + 1) * DAY > time || this.#running?.jobs[0]?.day === day) continue;
      this.#forget(day);
      for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, name + suffix), { force: true });
    }
  }

  close(): void {
    this.#running?.steps.return();
    this.#running = null;
    this.#queue = [];
    this.#again = false;
    this.#toCheckpoint = [];
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** The next jobs that go into one file. */
  #next(): { jobs: Job[]; steps: Generator<void, void, void> } | null {
    const first = this.#queue[0];
    if (first === undefined) return null;
    let count = 0;
    let rows = 0;
    let bytes = 0;
    for (const job of this.#queue) {
      rows += job.ids.length;
      bytes += job.bytes;
      if (count > 0 && (job.day !== first.day || rows > MAX_BATCH_ROWS || bytes > MAX_BATCH_BYTES)) break;
      count++;
    }
    const jobs = this.#queue.splice(0, count);
    try {
      return { jobs, steps: compact(this.#context, this.#file(first.day), jobs) };
    } catch (error) {
      this.#failed(jobs, error);
      return null;
    }
  }

  #failed(jobs: readonly Job[], error: unknown): void {
    const { index, now, report } = this.#context;
    const day = (jobs[0] as Job).day;
    this.error = `rows of ${dayFileName(day)} could not be moved and stay in hot.db: ${String(error)}`;
    report(this.error);
    this.#pausedUntil = now() + PAUSE;
    // What was thrown after the file's commit leaves a slot length in it that is not known here yet.
    this.#layouts.clear();
    for (const job of [...jobs, ...this.#queue]) index.restore(job);
    this.#queue = [];
    this.#again = false;
    if (isDamagedFile(error)) this.#putAside(day);
  }

  #putAside(day: number): void {
    this.#forget(day);
    const path = join(rawDirectory(this.#context.directory), dayFileName(day));
    let target = `${path}.bad`;
    for (let i = 1; existsSync(target); i++) target = `${path}.bad${i}`;
    try {
      rmSync(`${path}-shm`, { force: true });
      // Its log may hold points that are nowhere else.
      if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${target}-wal`);
      renameSync(path, target);
      this.#pausedUntil = 0;
      this.#context.report(`${path} is damaged and is now ${target}; its points are missing until it is restored from a backup`);
    } catch (error) {
      this.#context.report(`${path} is damaged and cannot be renamed: move it away. ${String(error)}`);
    }
  }

  #checkpoint(): void {
    const file = this.#toCheckpoint.shift();
    try {
      file?.checkpoint();
    } catch (error) {
      this.#context.report(`a write-ahead log could not be taken over: ${String(error)}`);
    }
  }

  #forget(day: number): void {
    const file = this.#files.get(day);
    this.#toCheckpoint = this.#toCheckpoint.filter((other) => other !== file);
    file?.close();
    this.#files.delete(day);
    this.#layouts.clear();
  }

  #layout(group: number, day: number): SlotHours | null {
    const key = `${group}:${day}`;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const path = join(rawDirectory(this.#context.directory), dayFileName(day));
    let hours: SlotHours | null = null;
    try {
      if (this.#files.has(day) || existsSync(path)) hours = this.#file(day).layout(group);
    } catch (error) {
      if (isDamagedFile(error)) this.#putAside(day);
      else this.#context.report(`${path} cannot be opened: ${String(error)}`);
    }
    if (this.#layouts.size >= 10_000) this.#layouts.clear();
    this.#layouts.set(key, hours);
    return hours;
  }

  #file(day: number): DayFile {
    let file = this.#files.get(day);
    if (file === undefined) {
      if (this.#files.size >= MAX_OPEN) {
        const [oldest] = this.#files.keys();
        this.#forget(oldest as number);
      }
      file = new DayFile(join(rawDirectory(this.#context.directory), dayFileName(day)));
    }
    // The one used last stands last.
    this.#files.delete(day);
    this.#files.set(day, file);
    return file;
  }
}
