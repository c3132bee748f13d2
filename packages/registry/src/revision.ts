import { sql } from 'kysely';
import type { ChangeMarks } from './database.ts';
import { readMeta } from './migrations.ts';
import { Shared } from './shared.ts';
import type { Db, Trx } from './tables.ts';

/** A number in the database that every change of one kind raises, so that other processes see that there was one. */
export class Revision {
  readonly #db: Db;
  readonly #marks: ChangeMarks;
  readonly #key: string;
  readonly #listeners = new Set<() => void>();
  readonly #refreshing = new Shared(() => this.#refresh());
  #seen: number | null = null;
  #dataVersion: number | null = null;

  constructor(db: Db, marks: ChangeMarks, key: string) {
    this.#db = db;
    this.#marks = marks;
    this.#key = key;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Raises it, in the transaction of the change. Of several at once each waits for the one before to commit. */
  async raise(trx: Trx): Promise<void> {
    await trx
      .insertInto('meta')
      .values({ key: this.#key, value: 1 })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql<number>`meta.value + 1` }))
      .execute();
  }

  /** After a change of this process was committed. */
  async raised(): Promise<void> {
    this.#dataVersion = null;
    await this.refresh();
  }

  /** Tells the listeners if any process has raised it. Many calls at once cost one query. */
  refresh(): Promise<void> {
    return this.#refreshing.run();
  }

  async #refresh(): Promise<void> {
    const version = this.#marks.dataVersion();
    if (version !== null && version === this.#dataVersion) return;
    const revision = await readMeta(this.#db, this.#key);
    const changed = this.#seen !== null && this.#seen !== revision;
    this.#seen = revision;
    // Last: what could not be read now is asked for again.
    this.#dataVersion = version;
    if (changed) for (const listener of [...this.#listeners]) listener();
  }
}
