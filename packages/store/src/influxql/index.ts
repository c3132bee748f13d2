import type { SeriesReader } from '../series-reader.ts';
import type { QueryOptions, QueryResponse, StatementResult } from '../series-store.ts';
import { StoreError } from '../series-store.ts';
import type { Statement } from './ast.ts';
import { parseQuery } from './parser.ts';

export interface ExecuteOptions {
  readonly database: string;
  readonly epoch?: NonNullable<QueryOptions['epoch']>;
  /** What now() is, in ms; default: the machine's clock. */
  readonly now?: number;
}

/**
 * Runs InfluxQL on a reader. Synchronous, for a query worker. Errors of a statement stand in its result, as InfluxDB's
 * do; throws StoreError `query` for text that is no InfluxQL.
 */
export function execute(reader: SeriesReader, influxql: string, options: ExecuteOptions): QueryResponse {
  return { results: parseQuery(influxql).map((statement, id) => run(reader, statement, id, options)) };
}

function run(reader: SeriesReader, statement: Statement, statement_id: number, options: ExecuteOptions): StatementResult {
  try {
    if (statement.kind === 'show-databases') {
      return { statement_id, series: [{ name: 'databases', columns: ['name'], values: reader.databases().map((name) => [name]) }] };
    }
    throw new StoreError('query', `hostwire: ${statement.kind} on ${options.database} is not supported`);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'query') return { statement_id, error: error.message };
    throw error;
  }
}
