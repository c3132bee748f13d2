import type { FieldType, Tags } from '@hostwire/model';

/**
 * What the InfluxQL executor asks of a store's engine. Synchronous: it runs inside a query worker, over typed arrays.
 * Times are milliseconds since the epoch, with nanoseconds beyond them apart (a double cannot hold both).
 */
export interface SeriesReader {
  databases(): string[];
  /** Sorted by code unit. */
  measurements(database: string): string[];
  /** Field name -> type; empty if there is no such measurement. */
  fields(database: string, measurement: string): ReadonlyMap<string, FieldType>;
  /** All series of a measurement. A tag that a series lacks is the empty string for every comparison. */
  series(database: string, measurement: string): readonly SeriesRef[];
  /**
   * Points of one series with fromMs <= time <= toMs (both in ms, whole), oldest first, already merged: one row a time,
   * the last write of each field wins. Blocks do not overlap and come in order of time.
   *
   * `summaries`: for a block of which [t0, t1] lies in one bucket the engine may yield a Summary per field instead of
   * the rows, where it has one that is exact. It never has to.
   */
  scan(series: SeriesRef, fields: readonly string[], fromMs: number, toMs: number, summaries?: SummaryWanted): Iterable<Block>;
  /**
   * The newest point of the series with a value for `field` and fromMs <= time <= toMs, without reading the rest; null
   * if none. `last()` of all hosts is the dashboard's most common query.
   */
  last(series: SeriesRef, field: string, fromMs: number, toMs: number): { time: number; nanos: number; value: Scalar } | null;
}

export interface SeriesRef {
  readonly sid: number;
  readonly tags: Tags;
}

export type Scalar = number | bigint | string | boolean;

/** True if [t0, t1] (ms) lies inside one bucket of the query. */
export type SummaryWanted = (t0: number, t1: number) => boolean;

export interface RowBlock {
  readonly kind: 'rows';
  readonly n: number;
  /** First `n` entries count. */
  readonly times: Float64Array;
  /** Null: all are 0. */
  readonly nanos: Int32Array | null;
  /** One for each field asked for; null: no value of that field in this block. */
  readonly columns: readonly (Column | null)[];
}

export interface SummaryBlock {
  readonly kind: 'summary';
  readonly t0: number;
  readonly t1: number;
  /** One for each field asked for; null: no value of that field. Numeric fields only. */
  readonly summaries: readonly (Summary | null)[];
}

export type Block = RowBlock | SummaryBlock;

export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly firstTime: number;
  readonly last: number;
  readonly lastTime: number;
}

/** `valid`: 1 byte a row, 0 = no value; null = all rows have one. Ints are in `values`, or in `big` if any is beyond 2^53-1. */
export type Column =
  | { readonly type: 'float' | 'bool'; readonly values: Float64Array; readonly valid: Uint8Array | null }
  | { readonly type: 'int'; readonly values: Float64Array; readonly big: BigInt64Array | null; readonly valid: Uint8Array | null }
  | { readonly type: 'string'; readonly values: readonly string[]; readonly valid: Uint8Array | null };
