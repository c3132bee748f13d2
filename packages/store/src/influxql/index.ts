import type { SeriesReader } from '../series-reader.ts';
import { type QueryResponse, type QuerySeries, type StatementResult, StoreError } from '../series-store.ts';
import type { Select, Statement } from './ast.ts';
import { Budget } from './budget.ts';
import { parseQuery } from './parser.ts';
import { type Epoch, timeFormat } from './result-time.ts';
import { runSelect } from './select.ts';
import { runShow } from './show.ts';

export { parseQuery } from './parser.ts';
export * from './quote.ts';
export type { Epoch } from './result-time.ts';

export interface ExecuteOptions {
  /** What a statement without ON or a qualified name reads; empty: such a statement is an error. */
  readonly database: string;
  readonly epoch?: Epoch;
  /** What now() is, in ms; default: the machine's clock. */
  readonly now?: number;
}

/**
 * Runs InfluxQL on a reader. Synchronous, for a query worker. Errors of a statement stand in its result, as InfluxDB's
 * do, and the statements after it are not run; throws StoreError `query` for text that is no InfluxQL.
 */
export function execute(reader: SeriesReader, influxql: string, options: ExecuteOptions): QueryResponse {
  const nowNs = BigInt(Math.floor(options.now ?? Date.now())) * 1_000_000n;
  const results: StatementResult[] = [];
  for (const statement of parseQuery(influxql)) {
    const statement_id = results.length;
    try {
      const series = run(reader, statement, options, nowNs);
      results.push(series.length === 0 ? { statement_id } : { statement_id, series });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'query') throw error;
      results.push({ statement_id, error: error.message });
      break;
    }
  }
  return { results };
}

function run(reader: SeriesReader, statement: Statement, options: ExecuteOptions, nowNs: bigint): readonly QuerySeries[] {
  if (statement.kind === 'select') return select(reader, statement, options, nowNs);
  if (statement.kind === 'create-database') {
    throw new StoreError('query', 'hostwire: CREATE DATABASE is not supported here; databases are made by writing to them');
  }
  if (statement.kind === 'unsupported') throw new StoreError('query', `hostwire: ${statement.what} is not supported`);
  return runShow(statement, { reader, database: options.database, nowNs });
}

function select(reader: SeriesReader, statement: Select, options: ExecuteOptions, nowNs: bigint): readonly QuerySeries[] {
  const result = runSelect(statement, { reader, database: options.database, nowNs, budget: new Budget() }, null);
  const format = timeFormat(options.epoch, statement.timeZone);
  return result.series.map(({ name, tags, times, nanos, values }) => ({
    name,
    ...(tags === null ? {} : { tags }),
    columns: result.columns,
    values: values.map((row, i) => [format(times[i] ?? 0, nanos[i] ?? 0), ...row]),
  }));
}
