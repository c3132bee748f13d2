import type { QueryResponse, QuerySeries, StatementResult } from '../series-store.ts';

/** An answer as InfluxDB 1.x writes it: bigints as plain numbers, empty names and empty lists left out. */
export function responseJson(response: QueryResponse, pretty: boolean): string {
  const results = response.results.map(resultFields);
  const text = write(results.length === 0 ? {} : { results }, pretty ? '\n' : null);
  return `${text}\n`;
}

function resultFields({ statement_id, series, error }: StatementResult): object {
  return {
    statement_id,
    ...(series === undefined || series.length === 0 ? {} : { series: series.map(seriesFields) }),
    ...(error === undefined ? {} : { error }),
  };
}

function seriesFields({ name, tags, columns, values }: QuerySeries): object {
  return { ...(name === '' ? {} : { name }), ...(tags === undefined ? {} : { tags }), columns, values };
}

/** JSON with bigints. `line`: a line break and the indentation so far, null for one line. */
function write(value: unknown, line: string | null): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = line === null ? null : `${line}    `;
  if (Array.isArray(value)) {
    return enclose(
      '[',
      value.map((item) => write(item, inner)),
      ']',
      line,
    );
  }
  const colon = line === null ? ':' : ': ';
  return enclose(
    '{',
    Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}${colon}${write(item, inner)}`),
    '}',
    line,
  );
}

function enclose(open: string, parts: readonly string[], close: string, line: string | null): string {
  if (line === null || parts.length === 0) return `${open}${parts.join(',')}${close}`;
  return `${open}${line}    ${parts.join(`,${line}    `)}${line}${close}`;
}
