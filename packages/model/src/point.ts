import type { Fields, FieldType, Tags } from './sample.ts';

/** A row as a store takes it: with all its tags (`host` among them) and the types that its fields are declared to have. */
export interface Point {
  readonly measurement: string;
  /** Keys in code-unit order, values not empty. */
  readonly tags: Tags;
  readonly fields: Fields;
  /**
   * Declared types, usually one object shared by all points of a measurement. A field that is missing here is typed by
   * its value: number -> float, bigint -> int, string, boolean.
   */
  readonly types: Readonly<Record<string, FieldType>>;
}

/** Points that arrived together: one tick of one tier of one host, or what one write request holds for one time. */
export interface PointGroup {
  readonly database: string;
  /** Series that arrive together and so share their times, e.g. `pve1/fast`. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Nanoseconds beyond `time`, 0..999999; absent is 0. */
  readonly nanos?: number;
  readonly points: readonly Point[];
}
