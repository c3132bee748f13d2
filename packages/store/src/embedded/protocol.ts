import type { QueryOptions, QueryResponse } from '../series-store.ts';
import type { Entries } from './dictionary.ts';

/** What the threads of the embedded store say to each other. */
export type ToWriter =
  | {
      readonly type: 'rows';
      /** Counts the batches. */
      readonly seq: number;
      /** Packed rows (row-writer.ts); handed over, not copied. */
      readonly memory: ArrayBuffer;
      readonly length: number;
      /** What is new in these rows. */
      readonly entries: Entries | null;
      /** The write goes on in the next batch: it must not be committed before that. */
      readonly more: boolean;
    }
  | { readonly type: 'compact'; readonly request: number }
  | { readonly type: 'close' };

export type FromWriter =
  | { readonly type: 'ready'; readonly entries: Entries; readonly lastSid: number; readonly stats: WriterStats }
  | { readonly type: 'refused'; readonly code: 'locked' | 'unavailable'; readonly message: string }
  /** All batches up to `seq` are durable. */
  | { readonly type: 'committed'; readonly seq: number; readonly stats: WriterStats }
  /** Of the batches after the last answer, up to `seq`, nothing is stored. */
  | { readonly type: 'failed'; readonly seq: number; readonly message: string }
  | { readonly type: 'compacted'; readonly request: number; readonly error: string | null; readonly stats: WriterStats }
  | { readonly type: 'stats'; readonly stats: WriterStats }
  | { readonly type: 'problem'; readonly message: string }
  | { readonly type: 'closed' };

export interface WriterOptions {
  readonly directory: string;
  /** Hot bytes at which rows are moved to day files before they are due. */
  readonly hotLimit: number;
  /** Raw points older than this (ms) are dropped; null: never. */
  readonly retentionMs: number | null;
  /** Added to the clock, for tests. */
  readonly clockOffset: number;
}

export interface WriterStats {
  readonly hotRows: number;
  readonly hotBytes: number;
  readonly commits: number;
  readonly commitMs: number;
  readonly failedCommits: number;
  /** Slots of a group that were moved to a day file. */
  readonly compactions: number;
  readonly compactionMs: number;
  /** The longest that compaction held the writer at once. */
  readonly longestSliceMs: number;
  /** Size of all files of the store, looked at once a minute. */
  readonly fileBytes: number;
}

export interface ToQueryWorker {
  readonly id: number;
  readonly influxql: string;
  readonly options: Omit<QueryOptions, 'signal'> & { readonly now: number };
}

export type FromQueryWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly response: QueryResponse }
  | { readonly type: 'failed'; readonly id: number; readonly message: string; readonly code: 'query' | 'unavailable' }
  | { readonly type: 'problem'; readonly message: string };
