import type { Dictionary } from './dictionary.ts';
import { HotDirectory } from './hot-directory.ts';
import { hotPath, type LastIds, readEntries } from './hot-file.ts';
import { SqlFile } from './sql.ts';

/** Bytes of packed rows kept in memory: two generations of half of it. */
const CACHE_BYTES = 16 * 1024 * 1024;

const TABLES = ['database', 'field', 'grp', 'series', 'shape'] as const;
/** One look that tells whether there is anything new. */
const NEWEST = `SELECT ${['database.id', 'field.id', 'grp.id', 'series.sid', 'shape.id', 'gone.gen']
  .map((column) => `(SELECT max(${column}) FROM ${column.split('.')[0]})`)
  .join(', ')}, (SELECT min(gen) FROM gone)`;

/** hot.db as a query worker has it: follows the writer at each `refresh`. */
export class HotReader {
  readonly directory = new HotDirectory();
  readonly #file: SqlFile;
  readonly #dictionary: Dictionary;
  /** Group -> time of the newest row that was ever moved to a day file. */
  readonly #coldTimes = new Map<number, number>();
  #young = new Map<number, Buffer>();
  #old = new Map<number, Buffer>();
  #youngBytes = 0;
  #lastId = -1;
  #generation = -1;
  #last: LastIds = { database: 0, field: 0, grp: 0, series: 0, shape: 0 };

  constructor(directory: string, dictionary: Dictionary) {
    this.#file = new SqlFile(hotPath(directory), 'read');
    this.#file.exec('PRAGMA cache_size = -4096; PRAGMA busy_timeout = 5000');
    this.#dictionary = dictionary;
  }

  /** Takes in all that was committed before the call. */
  refresh(): void {
    this.#file.transaction(() => {
      const [database, field, grp, series, shape, newest, oldest] = this.#file.prepare(NEWEST).get() as (number | null)[];
      const ids = { database: database ?? 0, field: field ?? 0, grp: grp ?? 0, series: series ?? 0, shape: shape ?? 0 };
      this.#readEntries(ids);
      const generation = newest ?? 0;
      if (this.#generation < 0 || (oldest ?? 0) > this.#generation + 1) {
        this.directory.clear();
        this.#lastId = -1;
        this.#readColdTimes();
      }
      const rows = this.#file.prepare('SELECT id, grp, t FROM hot WHERE id > ?').all([this.#lastId]) as [number, number, number][];
      for (const [id, group, time] of rows) {
        this.directory.add(group, time, id);
        this.#lastId = id;
      }
      if (generation > this.#generation) this.#readGone();
      this.#generation = generation;
    }, 'DEFERRED');
  }

  /** The packed row, or null if it was moved to a day file meanwhile: it is to be found there. */
  row(id: number): Buffer | null {
    let row = this.#young.get(id);
    if (row !== undefined) return row;
    row = this.#old.get(id) ?? (this.#file.prepare('SELECT v FROM hot WHERE id = ?').get([id])?.[0] as Buffer | undefined);
    if (row === undefined) return null;
    this.#young.set(id, row);
    this.#youngBytes += row.length + 64;
    if (this.#youngBytes > CACHE_BYTES / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    return row;
  }

  /** No row of the group that is in a day file is newer than this, but for rows that are still hot too. */
  coldTime(group: number): number {
    return this.#coldTimes.get(group) ?? Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.#file.close();
  }

  #readEntries(newest: LastIds): void {
    const last = this.#last;
    if (TABLES.every((table) => newest[table] === last[table])) return;
    this.#dictionary.add(readEntries((sql, after) => this.#file.prepare(sql).all([after]), last));
    this.#last = newest;
  }

  #readColdTimes(): void {
    const rows = this.#file.prepare('SELECT id, cold_t FROM grp WHERE cold_t IS NOT NULL').all() as [number, number][];
    for (const [group, time] of rows) this.#coldTimes.set(group, time);
  }

  #readGone(): void {
    const rows = this.#file.prepare('SELECT grp, t0, t1, max_id, last_t FROM gone WHERE gen > ?').all([this.#generation]);
    for (const [group, t0, t1, maxId, lastTime] of rows as [number, number, number, number, number][]) {
      this.directory.remove(group, t0, t1, maxId);
      this.#coldTimes.set(group, Math.max(this.coldTime(group), lastTime));
    }
  }
}
