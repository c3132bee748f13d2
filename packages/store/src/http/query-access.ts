import type { Select, Statement } from '../influxql/ast.ts';
import { parseQuery } from '../influxql/index.ts';
import { StoreError } from '../series-store.ts';

export interface QueryAccess {
  /** Databases that are read; an empty name stands for none in particular (SHOW DATABASES). */
  readonly reads: readonly string[];
  /** Databases that are to be made, in the order of the statements; if there are any, there is nothing else. */
  readonly creates: readonly string[];
}

/** What a query touches. Throws StoreError `query` for what is no InfluxQL, and for CREATE DATABASE among other statements. */
export function planQuery(influxql: string, database: string): QueryAccess {
  const statements = parseQuery(influxql);
  const creates = statements.flatMap((statement) => (statement.kind === 'create-database' ? [statement.name] : []));
  if (creates.length === 0) return { reads: [...new Set(statements.flatMap((statement) => databasesOf(statement, database)))], creates };
  if (creates.length === statements.length) return { reads: [], creates };
  throw new StoreError('query', 'hostwire: CREATE DATABASE together with other statements is not supported');
}

function databasesOf(statement: Statement, database: string): readonly string[] {
  switch (statement.kind) {
    case 'select':
      return databasesOfSelect(statement, database);
    case 'show-databases':
    case 'create-database':
    case 'unsupported':
      return [''];
    case 'show-retention-policies':
      return [statement.database ?? database];
    case 'show-measurements':
    case 'show-series':
    case 'show-tag-keys':
    case 'show-tag-values':
    case 'show-field-keys':
      return [statement.database ?? database, ...statement.sources.flatMap((source) => source.database ?? [])];
  }
}

function databasesOfSelect(select: Select, database: string): readonly string[] {
  return select.sources.flatMap((source) =>
    source.kind === 'subquery' ? databasesOfSelect(source.select, database) : [source.database ?? database],
  );
}
