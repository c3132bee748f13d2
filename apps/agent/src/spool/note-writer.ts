import type { Gap } from '@hostwire/collectors';
import type { Position } from '@hostwire/journal';
import { Notes } from './notes.ts';
import { encodeRecord } from './record.ts';
import type { SpoolDisk } from './spool-disk.ts';

export interface NoteWriterOptions {
  readonly disk: SpoolDisk;
  /** Notes wait at most this long. */
  readonly noteMs: number;
  /** Gaps that no sample on disk tells, now. */
  readonly untold: () => readonly Gap[];
  /** Called after notes were written that nobody waited for. */
  readonly onWritten: () => unknown;
  readonly gapAt: Position | null;
}

/** Writes notes, many at once. What the disk does not take waits for the next time. */
export class NoteWriter {
  readonly notes = new Notes();
  readonly #options: NoteWriterOptions;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | null = null;
  #gapAt: Position | null;
  #closed = false;

  constructor(options: NoteWriterOptions) {
    this.#options = options;
    this.#gapAt = options.gapAt;
  }

  /** Where the gaps that no sample tells are written; null: nowhere. */
  get gapAt(): Position | null {
    return this.#gapAt;
  }

  writeSoon(): void {
    if (this.#timer !== undefined || this.#closed || this.notes.empty) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.write().then(this.#options.onWritten);
    }, this.#options.noteMs);
  }

  /** Resolves when all notes that there were are written, or refused. Never rejects. */
  async write(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    if (this.notes.empty || this.#options.disk.hung) return;
    this.#writing = this.#append().finally(() => {
      this.#writing = null;
    });
    await this.#writing;
  }

  /** Nothing is written by itself any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #append(): Promise<void> {
    const { records, undo } = this.notes.take(this.#options.untold());
    const positions = await this.#options.disk.append(records.map(encodeRecord));
    if (positions === null) undo();
    else if (records.at(-1)?.kind === 'gap') this.#gapAt = positions.at(-1) ?? null;
  }
}
