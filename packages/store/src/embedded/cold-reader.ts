import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ColdFile } from './cold-file.ts';
import { rawDirectory } from './hot-file.ts';
import { dayFileName, dayOfFileName } from './slot.ts';
import { isDamagedFile, isWithoutTables } from './sql.ts';

const MAX_OPEN = 16;

/** The day files as a query worker has them. */
export class ColdReader {
  readonly #folder: string;
  readonly #report: (problem: string) => void;
  readonly #open = new Map<number, ColdFile>();
  #days: number[] = [];

  constructor(directory: string, report: (problem: string) => void) {
    this.#folder = rawDirectory(directory);
    this.#report = report;
  }

  /** Looks which files there are; closes those that are gone. */
  refresh(): void {
    const days: number[] = [];
    for (const name of readdirSync(this.#folder)) {
      const day = dayOfFileName(name);
      if (day !== null) days.push(day);
    }
    this.#days = days.sort((a, b) => a - b);
    for (const [day, file] of this.#open) {
      if (days.includes(day)) continue;
      file.close();
      this.#open.delete(day);
    }
  }

  /** Days that have a file, first <= day <= last, ascending. */
  days(first: number, last: number): number[] {
    return this.#days.filter((day) => day >= first && day <= last);
  }

  /**
   * What `read` returns of a day's file; `otherwise` if the file is damaged (then it is reported, and the rest of the store
   * serves on), or is gone, or has nothing in it yet. Throws SQLite's error if it cannot be read now.
   */
  read<T>(day: number, otherwise: T, read: (file: ColdFile) => T): T {
    try {
      return read(this.#file(day));
    } catch (error) {
      this.#open.get(day)?.close();
      this.#open.delete(day);
      const path = join(this.#folder, dayFileName(day));
      if (isDamagedFile(error)) this.#report(`${path} cannot be read, its points are left out: ${String(error)}`);
      else if (existsSync(path) && !isWithoutTables(error)) throw error;
      return otherwise;
    }
  }

  close(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  #file(day: number): ColdFile {
    let file = this.#open.get(day);
    if (file === undefined) {
      if (this.#open.size >= MAX_OPEN) {
        const [oldest] = this.#open.keys();
        this.#open.get(oldest as number)?.close();
        this.#open.delete(oldest as number);
      }
      file = new ColdFile(join(this.#folder, dayFileName(day)));
    }
    // The one used last stands last.
    this.#open.delete(day);
    this.#open.set(day, file);
    return file;
  }
}
