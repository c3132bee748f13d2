import type { PointGroup } from '@hostwire/model';

/**
 * Where series are kept. Two implementations, one contract suite: the embedded engine, and InfluxDB.
 * One query language on both: InfluxQL. Answers have the form of InfluxDB's own /query.
 */
export interface SeriesStore {
  /**
   * Resolves when the points are durable (embedded: after the commit's fsync; InfluxDB: after its answer). Writing the
   * same series, time and field again replaces the value. Rejects with StoreError if nothing of the batch is durable;
   * what only some fields could not be written for comes back in `rejected`.
   */
  write(groups: readonly PointGroup[]): Promise<WriteResult>;
  /** Runs InfluxQL (one or more statements divided by `;`). An error of a statement stands in its result. */
  query(influxql: string, options: QueryOptions): Promise<QueryResponse>;
  close(): Promise<void>;
}

export interface WriteResult {
  readonly rejected: readonly RejectedField[];
}

export interface RejectedField {
  /** Index into the groups given to `write`. */
  readonly group: number;
  readonly measurement: string;
  /** Absent: the whole point was rejected. */
  readonly field?: string;
  /** `type-conflict`, `max-series`, `too-old`, `invalid` */
  readonly code: string;
  readonly message: string;
}

export interface QueryOptions {
  readonly database: string;
  /** Unit of the times in the answer; absent: RFC 3339 UTC strings with nanoseconds as InfluxDB prints them. */
  readonly epoch?: 'ns' | 'u' | 'ms' | 's' | 'm' | 'h';
  readonly signal?: AbortSignal;
}

export type QueryValue = number | bigint | string | boolean | null;

/** As InfluxDB 1.x answers /query. An `int` beyond 2^53-1 is a bigint here and a plain JSON number on HTTP. */
export interface QuerySeries {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly QueryValue[])[];
}

export interface StatementResult {
  readonly statement_id: number;
  readonly series?: readonly QuerySeries[];
  readonly error?: string;
}

export interface QueryResponse {
  readonly results: readonly StatementResult[];
}

/**
 * `unavailable` (try again later: full disk, no connection, 401, 403, 404, 5xx), `invalid` (will never be taken),
 * `closed`, `locked` (another process owns the store), `query` (bad InfluxQL).
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: 'unavailable' | 'invalid' | 'closed' | 'locked' | 'query';
  /** HTTP status of the answer; undefined if there was none. */
  readonly status: number | undefined;
  /** With `unavailable`: the server asked not to be asked again before so many milliseconds are over. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: StoreError['code'],
    message: string,
    options?: { cause?: unknown; status?: number; retryAfterMs?: number | undefined },
  ) {
    super(message, options);
    this.code = code;
    this.status = options?.status;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
