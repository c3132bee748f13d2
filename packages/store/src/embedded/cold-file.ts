import { DamagedError } from './binary.ts';
import { decodeTimes, type Times } from './chunk.ts';
import { chunkKey } from './slot.ts';
import { type Cell, SqlFile } from './sql.ts';

/** A chunk as it was read, with its times. */
export interface ColdChunk {
  readonly key: number;
  readonly n: number;
  readonly t0: number;
  readonly t1: number;
  readonly blob: Buffer;
  readonly times: Times;
}

/** Decoded blocks of times kept of one file. */
const MAX_BLOCKS = 256;

/** A day file as a query worker has it. */
export class ColdFile {
  readonly #file: SqlFile;
  readonly #report: (problem: string) => void;
  readonly #blocks = new Map<number, Times>();

  /** Throws SQLite's error. */
  constructor(path: string, report: (problem: string) => void) {
    this.#report = report;
    this.#file = new SqlFile(path, 'read');
    try {
      this.#file.exec('PRAGMA cache_size = -2048; PRAGMA busy_timeout = 5000');
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  /** Chunks of a series that have rows with from <= time <= to, oldest first, of one moment: they do not overlap. */
  chunks(sid: number, from: number, to: number): ColdChunk[] {
    return this.#file.transaction(() => {
      const rows = this.#file
        .prepare('SELECT k, tb, n, t0, t1, blob FROM chunk WHERE k BETWEEN ? AND ? AND t1 >= ? AND t0 <= ?')
        .all([chunkKey(sid, 0), chunkKey(sid, 31), from, to]);
      return rows.flatMap((row) => this.#withTimes(row));
    }, 'DEFERRED');
  }

  /** Of the chunks with a key less than `below` (chunkKey(sid, 32): all), that with the newest rows in from <= time <= to. */
  newestChunk(sid: number, below: number, from: number, to: number): ColdChunk | null {
    return this.#file.transaction(() => {
      const row = this.#file
        .prepare('SELECT k, tb, n, t0, t1, blob FROM chunk WHERE k >= ? AND k < ? AND t1 >= ? AND t0 <= ? ORDER BY k DESC LIMIT 1')
        .get([chunkKey(sid, 0), below, from, to]);
      return row === undefined ? null : (this.#withTimes(row)[0] ?? null);
    }, 'DEFERRED');
  }

  close(): void {
    this.#file.close();
  }

  #withTimes([k, tb, n, t0, t1, blob]: readonly Cell[]): [ColdChunk] | [] {
    try {
      const times = this.#times(tb as number);
      if (times.n !== n) throw new DamagedError('a chunk and its times differ in length');
      return [{ key: k as number, n, t0: t0 as number, t1: t1 as number, blob: blob as Buffer, times }];
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#report(`chunk ${String(k)} of ${this.#file.path} is damaged and is left out: ${error.message}`);
      return [];
    }
  }

  #times(block: number): Times {
    let times = this.#blocks.get(block);
    if (times !== undefined) return times;
    const row = this.#file.prepare('SELECT n, blob FROM tblock WHERE id = ?').get([block]);
    if (row === undefined) throw new DamagedError('it has no times');
    times = decodeTimes(row[1] as Buffer, row[0] as number);
    if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
    this.#blocks.set(block, times);
    return times;
  }
}
