import { SERVER_MEASUREMENT } from '@hostwire/model';
import type { QuerySeries, QueryValue, SeriesStore } from '@hostwire/store';
import type { ProcessBody } from '../api/process-schemas.ts';

/** Where the fields of text stand. */
export const PROCESS_PART = 'process';
const DAY_MS = 86_400_000;
/** A process that has not written for so long is no news. */
const HEARD_WITHIN_MS = 3_600_000;

export interface StoredProcesses {
  readonly processes: readonly ProcessBody[];
  /** Gap records of the last 24 h. */
  readonly gaps: number;
}

/** What processes wrote of themselves last, and how many gaps hosts told of. Throws StoreError. */
export async function readProcesses(
  store: Pick<SeriesStore, 'query'>,
  database: string,
  now: number,
  signal: AbortSignal,
): Promise<StoredProcesses> {
  const text =
    `SELECT * FROM "${SERVER_MEASUREMENT}" WHERE time >= ${now - HEARD_WITHIN_MS}ms GROUP BY "instance", "part" ORDER BY time DESC LIMIT 1; ` +
    `SELECT count("count") FROM "gap" WHERE time >= ${now - DAY_MS}ms`;
  const { results } = await store.query(text, { database, epoch: 'ms', signal });
  const [processes, gaps] = [0, 1].map((id) => results.find(({ statement_id }) => statement_id === id)?.series ?? []);
  return { processes: toProcesses(processes ?? []), gaps: Number(gaps?.[0]?.values[0]?.[1] ?? 0) };
}

function toProcesses(series: readonly QuerySeries[]): ProcessBody[] {
  const found = new Map<string, ProcessBody>();
  for (const { tags, columns, values } of series) {
    const [instance = '', part = ''] = [tags?.['instance'], tags?.['part']];
    const fields = new Map(columns.map((column, at) => [column, values[0]?.[at] ?? null]));
    const process = found.get(instance) ?? { instance, roles: [], version: '', started_at: 0, last_seen: 0, parts: {}, degraded: [] };
    found.set(instance, process);
    process.last_seen = Math.max(process.last_seen, numberOf(fields.get('time')) ?? 0);
    if (part === PROCESS_PART) {
      process.roles = list(fields.get('roles'));
      process.degraded = list(fields.get('degraded'));
      process.version = String(fields.get('version') ?? '');
      process.started_at = numberOf(fields.get('started_at')) ?? 0;
    }
    process.parts[part] = numbers(fields);
  }
  return [...found.values()];
}

function numbers(fields: ReadonlyMap<string, QueryValue>): Record<string, number> {
  const kept = [...fields].flatMap(([name, value]): [string, number][] => {
    const number = numberOf(value);
    return name === 'time' || name === 'started_at' || number === null ? [] : [[name, number]];
  });
  return Object.fromEntries(kept);
}

function numberOf(value: QueryValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}

function list(value: QueryValue | undefined): string[] {
  return typeof value === 'string' && value !== '' ? value.split(',') : [];
}
