import type { SlotHours } from './slot.ts';
import { SqlFile, WRITER_PRAGMAS } from './sql.ts';

/*
 * A UTC day of all groups. `layout`: hours of a slot, fixed for a group when its first chunk of the day is written, so
 * that chunks of a series never overlap. `chunk`: `sums` stands before `blob`, so that it is read without it. `tblock`: times shared by `refs` chunks; ids are never used again, so readers may
 * keep what they decoded. `bad`: chunks that could not be read when they were to be merged.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS layout(grp INTEGER PRIMARY KEY, hours INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tblock(id INTEGER PRIMARY KEY AUTOINCREMENT, refs INTEGER NOT NULL, n INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS chunk(k INTEGER PRIMARY KEY, tb INTEGER NOT NULL, n INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, sums BLOB NOT NULL, blob BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS bad(k INTEGER NOT NULL, blob BLOB NOT NULL);
`;

export interface ChunkRow {
  readonly tblock: number;
  readonly n: number;
  readonly blob: Buffer;
  readonly times: Buffer;
}

/** A day file as the writer has it; between `begin` and `commit` nothing of it is seen by readers. */
export class DayFile {
  readonly path: string;
  readonly #file: SqlFile;
  #nextBlock = 1;

  /** Opens or makes it. Throws SQLite's error. */
  constructor(path: string) {
    this.path = path;
    this.#file = new SqlFile(path, 'write');
    try {
      this.#file.exec(WRITER_PRAGMAS);
      this.#file.transaction(() => this.#file.exec(SCHEMA));
      this.#readNextBlock();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  layout(group: number): SlotHours | null {
    return (this.#file.prepare('SELECT hours FROM layout WHERE grp = ?').get([group])?.[0] as SlotHours | undefined) ?? null;
  }

  begin(): void {
    this.#file.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#file.exec('COMMIT');
  }

  rollback(): void {
    this.#file.rollback();
    this.#readNextBlock();
  }

  setLayout(group: number, hours: SlotHours): void {
    this.#file.prepare('INSERT OR IGNORE INTO layout VALUES(?,?)').run([group, hours]);
  }

  chunk(key: number): ChunkRow | null {
    const row = this.#file.prepare('SELECT c.tb, c.n, c.blob, t.blob FROM chunk c JOIN tblock t ON t.id = c.tb WHERE c.k = ?').get([key]);
    return row === undefined ? null : { tblock: row[0] as number, n: row[1] as number, blob: row[2] as Buffer, times: row[3] as Buffer };
  }

  keepBad(key: number, blob: Uint8Array): void {
    this.#file.prepare('INSERT INTO bad VALUES(?,?)').run([key, blob]);
  }

  /** An id for a block of times that `addBlock` will write. */
  newBlock(): number {
    return this.#nextBlock++;
  }

  addBlock(id: number, refs: number, n: number, t0: number, t1: number, blob: Uint8Array): void {
    this.#file.prepare('INSERT INTO tblock VALUES(?,?,?,?,?,?)').run([id, refs, n, t0, t1, blob]);
  }

  /** One chunk less has these times. */
  releaseBlock(id: number): void {
    this.#file.prepare('UPDATE tblock SET refs = refs - 1 WHERE id = ?').run([id]);
    this.#file.prepare('DELETE FROM tblock WHERE id = ? AND refs <= 0').run([id]);
  }

  putChunk(key: number, block: number, n: number, ends: readonly [t0: number, t1: number], summaries: Uint8Array, blob: Uint8Array): void {
    this.#file.prepare('INSERT OR REPLACE INTO chunk VALUES(?,?,?,?,?,?,?)').run([key, block, n, ...ends, summaries, blob]);
  }

  checkpoint(): void {
    this.#file.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  }

  close(): void {
    this.#file.close();
  }

  #readNextBlock(): void {
    const row = this.#file.prepare("SELECT max(seq) FROM sqlite_sequence WHERE name = 'tblock'").get();
    this.#nextBlock = ((row?.[0] as number | null | undefined) ?? 0) + 1;
  }
}
