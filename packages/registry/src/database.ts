import type { RawBuilder } from 'kysely';
import type { Db, Trx } from './tables.ts';

/** How a process learns that another one has changed something, and makes its own changes last. */
export interface ChangeMarks {
  /** Changes when another connection (also of another process) has committed; null where only a query can tell. */
  dataVersion(): number | null;
  /** Makes what was committed outlive a power failure, where a commit alone does not. */
  checkpoint(): void;
}

/** What differs between the databases that a registry can be kept in. */
export interface Backend {
  readonly db: Db;
  readonly marks: ChangeMarks;
  /** An expression: ms since the epoch by the one clock that all processes of this registry share. */
  clock(): RawBuilder<number>;
  /** Resolves when no other process brings the schema up to date, until the end of this transaction. */
  lockSchema(trx: Trx): Promise<void>;
  /** For messages, without a password. */
  readonly name: string;
}
