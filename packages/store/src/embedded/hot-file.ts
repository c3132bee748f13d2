import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FieldType } from '@hostwire/model';
import type { Entries } from './dictionary.ts';
import { type Cell, SqlFile, type Statement, WRITER_PRAGMAS } from './sql.ts';

const FORMAT = 1;
/** Entries of `gone` that are kept; a reader that is further behind reads the directory anew. */
export const GONE_KEPT = 10_000;

/*
 * Names are BLOBs of UTF-8: libsql cuts text at NUL when it reads. `gone` tells readers which rows a compaction moved
 * (all of the group with t0 <= t < t1 and id <= max_id), its id is the compaction generation.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS database(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS field(id INTEGER PRIMARY KEY, db INTEGER NOT NULL, measurement BLOB NOT NULL, name BLOB NOT NULL, type TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS grp(id INTEGER PRIMARY KEY, db INTEGER NOT NULL, source BLOB NOT NULL, cold_t INTEGER);
CREATE TABLE IF NOT EXISTS series(sid INTEGER PRIMARY KEY AUTOINCREMENT, db INTEGER NOT NULL, key BLOB NOT NULL, grp INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shape(id INTEGER PRIMARY KEY, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS hot(id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, t INTEGER NOT NULL, v BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gone(gen INTEGER PRIMARY KEY, grp INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, max_id INTEGER NOT NULL, last_t INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tomb(id INTEGER PRIMARY KEY, matcher BLOB NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, max_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dirty(level INTEGER NOT NULL, sid INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY(level, sid, slot));
`;

const text = (cell: Cell | undefined): string => (cell as Buffer).toString('utf8');
const blob = (name: string): Buffer => Buffer.from(name, 'utf8');

/** Where a store's files are. */
export const hotPath = (directory: string): string => join(directory, 'hot.db');
export const rawDirectory = (directory: string): string => join(directory, 'raw');

/** The rows of a slot of a group that a compaction moved to a day file. */
export interface Moved {
  readonly group: number;
  readonly t0: number;
  readonly t1: number;
  readonly maxId: number;
  readonly lastTime: number;
}

/** hot.db as the writer has it. */
export class HotFile {
  readonly #file: SqlFile;
  readonly #insert: Statement;
  #nextId: number;
  #generation: number;

  /** Opens or makes it. Throws SQLite's error. */
  constructor(directory: string) {
    mkdirSync(rawDirectory(directory), { recursive: true });
    const file = new SqlFile(hotPath(directory), 'write');
    this.#file = file;
    file.exec(WRITER_PRAGMAS);
    file.transaction(() => {
      file.exec(SCHEMA);
      file.prepare("INSERT OR IGNORE INTO meta VALUES('format', ?)").run([FORMAT]);
    });
    const format = this.#meta('format');
    if (format !== FORMAT) throw new Error(`hot.db has format ${format}; this version reads ${FORMAT}: use the version that wrote it`);
    // Readers start after the writer, so none is behind.
    this.#generation = this.#number('SELECT max(gen) FROM gone');
    file.prepare('DELETE FROM gone WHERE gen < ?').run([this.#generation]);
    this.#nextId = Math.max(this.#number('SELECT max(id) FROM hot') + 1, this.#meta('next_id'));
    this.#insert = file.prepare('INSERT INTO hot VALUES(?,?,?,?)');
  }

  /** The whole dictionary, and the highest series id ever given. */
  entries(): { entries: Entries; lastSid: number } {
    const all = (sql: string, after: number): Cell[][] => this.#file.prepare(sql).all([after]);
    return {
      entries: readEntries(all, { database: 0, field: 0, grp: 0, series: 0, shape: 0 }),
      lastSid: this.#number("SELECT max(seq) FROM sqlite_sequence WHERE name = 'series'"),
    };
  }

  /** Calls back for each row that is hot, by id. */
  eachRow(callback: (id: number, group: number, time: number, bytes: number) => void): void {
    const page = this.#file.prepare('SELECT id, grp, t, length(v) FROM hot WHERE id > ? ORDER BY id LIMIT 10000');
    for (let last = -1; ; ) {
      const rows = page.all([last]) as number[][];
      for (const [id, group, time, bytes] of rows as [number, number, number, number][]) callback(id, group, time, bytes);
      if (rows.length === 0) return;
      last = (rows.at(-1) as number[])[0] as number;
    }
  }

  begin(): void {
    this.#file.exec('BEGIN IMMEDIATE');
  }

  /** Durable when it returns. Throws SQLite's error; then `rollback`. */
  commit(): void {
    this.#file.exec('COMMIT');
  }

  rollback(): void {
    this.#file.rollback();
  }

  /** Entries that are there already (a commit may have failed after it was done) are left as they are. */
  addEntries(entries: Entries): void {
    const file = this.#file;
    for (const [id, name] of entries.databases) file.prepare('INSERT OR IGNORE INTO database VALUES(?,?)').run([id, blob(name)]);
    const field = file.prepare('INSERT OR IGNORE INTO field VALUES(?,?,?,?,?)');
    for (const [id, db, measurement, name, type] of entries.fields) field.run([id, db, blob(measurement), blob(name), type]);
    for (const [id, db, source] of entries.groups) {
      file.prepare('INSERT OR IGNORE INTO grp(id, db, source) VALUES(?,?,?)').run([id, db, blob(source)]);
    }
    const series = file.prepare('INSERT OR IGNORE INTO series VALUES(?,?,?,?)');
    for (const [sid, db, key, group] of entries.series) series.run([sid, db, blob(key), group]);
    const shape = file.prepare('INSERT OR IGNORE INTO shape VALUES(?,?)');
    for (const [id, bytes] of entries.shapes) shape.run([id, bytes]);
  }

  /** Returns the row's id: higher than any before it. */
  insert(group: number, time: number, row: Uint8Array): number {
    const id = this.#nextId++;
    this.#insert.run([id, group, time, row]);
    return id;
  }

  /** Rows with from <= id <= to: id, group, time, blob. */
  rows(from: number, to: number): [id: number, group: number, time: number, row: Buffer][] {
    return this.#file.prepare('SELECT id, grp, t, v FROM hot WHERE id BETWEEN ? AND ?').all([from, to]) as never;
  }

  /** Tells readers that these rows are in day files now, durable. */
  recordMoved(moved: readonly Moved[]): void {
    const file = this.#file;
    file.transaction(() => {
      for (const { group, t0, t1, maxId, lastTime } of moved) {
        file.prepare('INSERT INTO gone VALUES(?,?,?,?,?,?)').run([++this.#generation, group, t0, t1, maxId, lastTime]);
        file.prepare('UPDATE grp SET cold_t = max(coalesce(cold_t, ?), ?) WHERE id = ?').run([lastTime, lastTime, group]);
      }
      file.prepare('DELETE FROM gone WHERE gen <= ?').run([this.#generation - GONE_KEPT]);
      // Ids are never given twice, also when a restart finds no row.
      file.prepare("INSERT OR REPLACE INTO meta VALUES('next_id', ?)").run([this.#nextId]);
    });
  }

  /** Deletes these rows, given as ranges of ids. */
  remove(ranges: readonly (readonly [from: number, to: number])[]): void {
    const file = this.#file;
    file.transaction(() => {
      for (const [from, to] of ranges) file.prepare('DELETE FROM hot WHERE id BETWEEN ? AND ?').run([from, to]);
    });
  }

  checkpoint(): void {
    this.#file.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  }

  close(): void {
    this.#file.close();
  }

  #meta(key: string): number {
    return (this.#file.prepare('SELECT v FROM meta WHERE k = ?').get([key])?.[0] as number | undefined) ?? 0;
  }

  #number(sql: string): number {
    return (this.#file.prepare(sql).get()?.[0] as number | null | undefined) ?? 0;
  }
}

/** The ids up to which each table is known. */
export interface LastIds {
  readonly database: number;
  readonly field: number;
  readonly grp: number;
  readonly series: number;
  readonly shape: number;
}

/** What the dictionary tables hold beyond `last`, by id. */
export function readEntries(all: (sql: string, after: number) => Cell[][], last: LastIds): Entries {
  return {
    databases: all('SELECT id, name FROM database WHERE id > ? ORDER BY id', last.database).map(
      ([id, name]) => [id as number, text(name)] as const,
    ),
    fields: all('SELECT id, db, measurement, name, type FROM field WHERE id > ? ORDER BY id', last.field).map(
      ([id, db, measurement, name, type]) => [id as number, db as number, text(measurement), text(name), type as FieldType] as const,
    ),
    groups: all('SELECT id, db, source FROM grp WHERE id > ? ORDER BY id', last.grp).map(
      ([id, db, source]) => [id as number, db as number, text(source)] as const,
    ),
    series: all('SELECT sid, db, key, grp FROM series WHERE sid > ? ORDER BY sid', last.series).map(
      ([sid, db, key, group]) => [sid as number, db as number, text(key), group as number] as const,
    ),
    shapes: all('SELECT id, blob FROM shape WHERE id > ? ORDER BY id', last.shape).map(
      ([id, bytes]) => [id as number, bytes as Buffer] as const,
    ),
  };
}
