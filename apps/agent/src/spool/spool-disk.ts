import { type Journal, JournalError, type Position, type StoredRecord } from '@hostwire/journal';
import type { Logger } from '@hostwire/service';

export interface SpoolDiskOptions {
  readonly journal: Journal;
  readonly logger: Logger;
  /** A disk that does not answer for this long hangs. */
  readonly hungMs: number;
  /** Between two attempts while the disk refuses. */
  readonly retryMs: number;
  /** The disk may take again what it did not take. */
  readonly onRetry: () => void;
}

/** The journal as something that may refuse or hang: it never rejects, says so once a state, and asks for another attempt. */
export class SpoolDisk {
  readonly journal: Journal;
  readonly #options: SpoolDiskOptions;
  #retry: NodeJS.Timeout | undefined;
  #outstanding = 0;
  /** They may never be answered: a thread of the pool each, and what waits behind it. */
  #overdueReads = 0;
  #refusing = false;
  #hung = false;
  #lacksRoom = false;
  #volatile = false;
  #ioErrors = 0;
  #closed = false;

  constructor(options: SpoolDiskOptions) {
    this.journal = options.journal;
    this.#options = options;
  }

  /** True if it took the last that it was given and answers. */
  get ready(): boolean {
    return !this.#refusing && !this.#hung;
  }

  get hung(): boolean {
    return this.#hung;
  }

  /** Its last refusal was for want of room. */
  get lacksRoom(): boolean {
    return this.#lacksRoom;
  }

  /** True while an append has not been answered. */
  get busy(): boolean {
    return this.#outstanding > 0;
  }

  get ioErrors(): number {
    return this.#ioErrors;
  }

  /** Positions of the records; null if the disk refuses: then none is written. */
  async append(records: readonly Buffer[]): Promise<Position[] | null> {
    this.#outstanding++;
    try {
      return await this.journal.append(records);
    } catch (error) {
      this.#refused(error);
      return null;
    } finally {
      this.#outstanding--;
      if (this.#outstanding === 0 && this.#hung) {
        this.#hung = false;
        this.#options.logger.info("the spool's disk answers again");
        this.retrySoon(0);
      }
    }
  }

  /** Resolves with the work, or when that takes so long that the disk counts as hung. */
  async inTime(work: Promise<unknown>): Promise<void> {
    const { hungMs, logger } = this.#options;
    if ((await within(hungMs, work)) || this.#hung || this.#closed) return;
    this.#hung = true;
    this.#ioErrors++;
    logger.warn(`the spool's disk has not answered for ${hungMs} ms: samples are kept in memory`);
  }

  /** Nothing waits for the disk any more. */
  accepted(): void {
    if (!this.#refusing) return;
    this.#refusing = false;
    this.#options.logger.info("the spool's disk takes samples again");
  }

  /** Rejects with JournalError `io`; so it does when the disk does not answer in time, and at once while it owes an answer. */
  async readAt(position: Position): Promise<StoredRecord | null> {
    const { hungMs } = this.#options;
    const late = new JournalError('io', `the spool's disk has not answered for ${hungMs} ms`);
    if (this.#overdueReads > 0) throw late;
    const reading = this.journal.readAt(position);
    try {
      if (await within(hungMs, reading)) return await reading;
    } catch (error) {
      this.#ioErrors++;
      throw error;
    }
    this.#ioErrors++;
    this.#overdueReads++;
    const answered = (): void => {
      this.#overdueReads--;
    };
    reading.then(answered, answered);
    throw late;
  }

  release(before: Position): Promise<boolean> {
    return this.#done(this.journal.release(before));
  }

  /** False if what was appended since the last success is not durable. */
  async sync(): Promise<boolean> {
    try {
      await this.journal.sync();
      this.#volatile = false;
      return true;
    } catch (error) {
      this.#ioErrors++;
      const text = `the spool's disk does not make durable what is written to it (${messageOf(error)}): a power failure would take it`;
      if (!this.#volatile) this.#options.logger.warn({ err: error }, text);
      this.#volatile = true;
      return false;
    }
  }

  retrySoon(wait = this.#options.retryMs): void {
    if (this.#closed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(this.#options.onRetry, wait);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#done(this.journal.close());
  }

  async #done(work: Promise<void>): Promise<boolean> {
    try {
      await work;
      return true;
    } catch (error) {
      this.#refused(error);
      return false;
    }
  }

  #refused(error: unknown): void {
    this.#ioErrors++;
    this.#lacksRoom = isForRoom(error);
    this.retrySoon();
    if (this.#refusing || this.#closed) return;
    this.#refusing = true;
    this.#options.logger.warn({ err: error }, `the spool's disk refuses (${messageOf(error)}): samples are kept in memory`);
  }
}

/** True if the promise settled in time. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    timer = setTimeout(() => done(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function isForRoom(error: unknown): boolean {
  if (!(error instanceof JournalError)) return false;
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return error.code === 'full' || code === 'ENOSPC' || code === 'EDQUOT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
