import { DamagedError } from './binary.ts';
import { decodeTimes, type Times } from './chunk.ts';
import { chunkKey } from './slot.ts';
import { type Cell, SqlFile } from './sql.ts';

/** A chunk as it was read. */
export interface ColdChunk {
  readonly key: number;
  readonly n: number;
  readonly t0: number;
  readonly t1: number;
  readonly blob: Buffer;
  /** Its times, decoded when they are first asked for. Throws DamagedError. */
  readonly times: () => Times;
}

export interface ChunkSummaries {
  readonly key: number;
  readonly t0: number;
  readonly t1: number;
  /** For decodeSummaries. */
  readonly blob: Buffer;
}

const CHUNK = 'SELECT c.k, c.tb, c.n, c.t0, c.t1, c.blob, t.blob FROM chunk c JOIN tblock t ON t.id = c.tb WHERE';

/** Decoded blocks of times kept of one file. */
const MAX_BLOCKS = 256;

/** A day file as a query worker has it. */
export class ColdFile {
  readonly #file: SqlFile;
  readonly #blocks = new Map<number, Times>();

  /** Throws SQLite's error. */
  constructor(path: string) {
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
    return this.#file
      .prepare(`${CHUNK} c.k BETWEEN ? AND ? AND c.t1 >= ? AND c.t0 <= ? ORDER BY c.k`)
      .all([chunkKey(sid, 0), chunkKey(sid, 31), from, to])
      .map((row) => this.#chunk(row));
  }

  /** The same, but where `summarize` returns what serves instead of a chunk, that is not read. */
  chunksOr<T>(sid: number, from: number, to: number, summarize: (chunk: ChunkSummaries) => T | null): (ColdChunk | T)[] {
    return this.#file.transaction(() => {
      const rows = this.#file
        .prepare('SELECT k, t0, t1, sums FROM chunk WHERE k BETWEEN ? AND ? AND t1 >= ? AND t0 <= ? ORDER BY k')
        .all([chunkKey(sid, 0), chunkKey(sid, 31), from, to]);
      const found = rows.map(([k, t0, t1, sums]) =>
        summarize({ key: k as number, t0: t0 as number, t1: t1 as number, blob: sums as Buffer }),
      );
      if (found.every((summary) => summary === null)) return this.chunks(sid, from, to);
      return found.map(
        (summary, i) => summary ?? this.#chunk(this.#file.prepare(`${CHUNK} c.k = ?`).get([rows[i]?.[0] as number]) as Cell[]),
      );
    }, 'DEFERRED');
  }

  /** Of the chunks with a key less than `below` (chunkKey(sid, 32): all), that with the newest rows in from <= time <= to. */
  newestChunk(sid: number, below: number, from: number, to: number): ColdChunk | null {
    const row = this.#file
      .prepare(`${CHUNK} c.k >= ? AND c.k < ? AND c.t1 >= ? AND c.t0 <= ? ORDER BY c.k DESC LIMIT 1`)
      .get([chunkKey(sid, 0), below, from, to]);
    return row === undefined ? null : this.#chunk(row);
  }

  close(): void {
    this.#file.close();
  }

  #chunk([k, tb, n, t0, t1, blob, times]: readonly Cell[]): ColdChunk {
    const block = tb as number;
    const rows = n as number;
    return {
      key: k as number,
      n: rows,
      t0: t0 as number,
      t1: t1 as number,
      blob: blob as Buffer,
      times: () => this.#times(block, rows, times as Buffer),
    };
  }

  #times(block: number, n: number, blob: Buffer): Times {
    let times = this.#blocks.get(block);
    if (times === undefined) {
      times = decodeTimes(blob, n);
      if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
      this.#blocks.set(block, times);
    }
    if (times.n !== n) throw new DamagedError('a chunk and its times differ in length');
    return times;
  }
}
