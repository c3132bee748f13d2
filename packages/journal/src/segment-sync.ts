import type { OpenFile } from './file-system.ts';
import { JournalError } from './journal.ts';
import type { LogState } from './log-state.ts';
import type { Segment } from './segment.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: JournalError) => void;
}

/** One fsync for all calls that wait. */
export class SegmentSync {
  count = 0;
  slowestMs = 0;
  readonly #log: LogState;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(log: LogState) {
    this.#log = log;
  }

  /** As `Journal.sync`. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when no fsync is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // A microtask later, so that calls made at once share the first one too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const calls = this.#waiting.splice(0);
      const error = await this.#syncDirty();
      if (error === null) for (const { resolve } of calls) resolve();
      // Who called meanwhile may have appended to what has just been lost.
      else for (const { reject } of [...calls, ...this.#waiting.splice(0)]) reject(error);
    }
    this.#running = null;
  }

  async #syncDirty(): Promise<JournalError | null> {
    const { dirty, fileSystem, folder, folderDirty, tally } = this.#log;
    const segments = [...dirty];
    let error: JournalError | null = null;
    for (const segment of segments) error = (await this.#syncSegment(segment)) ?? error;
    if (folderDirty) {
      try {
        this.#log.folderDirty = false;
        await fileSystem.syncFolder(folder);
      } catch (cause) {
        this.#log.folderDirty = true;
        for (const segment of segments) segment.sealed = segment.broken = true;
        error = this.#log.failure('sync', folder, cause);
      }
    }
    if (error === null) tally.works();
    return error;
  }

  async #syncSegment(segment: Segment): Promise<JournalError | null> {
    const { dirty } = this.#log;
    const { end } = segment;
    if (segment.broken) {
      dirty.delete(segment);
      await this.#closeSealed(segment);
      return new JournalError('io', `records in ${segment.path} are lost to an fsync that failed before: append them again`);
    }
    const start = performance.now();
    try {
      await (await this.#fileOf(segment)).sync();
    } catch (cause) {
      // Released meanwhile: nobody needs it.
      if (!dirty.has(segment)) return null;
      segment.sealed = segment.broken = true;
      if (segment.size === end) dirty.delete(segment);
      await this.#closeSealed(segment);
      return this.#log.failure('sync', segment.path, cause);
    }
    this.count++;
    this.slowestMs = Math.max(this.slowestMs, performance.now() - start);
    segment.synced = Math.max(segment.synced, end);
    if (segment.size <= end) {
      dirty.delete(segment);
      await this.#closeSealed(segment);
    }
    return null;
  }

  /** An earlier process's is opened for it. Rejects with the system's error. */
  async #fileOf(segment: Segment): Promise<OpenFile> {
    if (segment.file !== null) return segment.file;
    const file = await this.#log.fileSystem.open(segment.path, 'write');
    segment.file = file;
    if (!this.#log.dirty.has(segment)) await this.#log.letGo(segment);
    return file;
  }

  /** The newest one's file is the writer's, which may be at it. */
  async #closeSealed(segment: Segment): Promise<void> {
    if (segment.sealed && segment !== this.#log.segments.at(-1)) await this.#log.letGo(segment);
  }
}
