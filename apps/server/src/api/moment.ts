import { type QueryValue, quoteString, type StatementResult, StoreError } from '@hostwire/store';
import type { ApiContext } from './context.ts';
import type { MomentBody, RankedProcessBody } from './moment-schemas.ts';

const TIMEOUT_MS = 30_000;
/** Neighbours this many intervals away are found by a query that reads next to nothing. */
const NEAR = 12;
const FAR_MS = 30 * 86_400_000;
/** A GPU is asked in its own rhythm: what it held may be told of up to so much earlier. */
const GPU_MS = 60_000;

/** Times of the samples around a moment, nearest first. */
interface Neighbours {
  readonly earlier: readonly number[];
  readonly later: readonly number[];
}

/**
 * The top processes of the sample nearest to `at`, if one is within `interval` of it; all in ms. Throws StoreError.
 */
export async function readMoment(
  context: Pick<ApiContext, 'store' | 'database'>,
  host: string,
  at: number,
  interval: number,
): Promise<MomentBody> {
  const near = await readNeighbours(context, host, at, NEAR * interval);
  const far = near.earlier.length < 2 || near.later.length < 2 ? await readNeighbours(context, host, at, FAR_MS) : near;
  const [before = null, beforeThat = null] = far.earlier;
  const [after = null, afterThat = null] = far.later;
  const time = nearest(at, before, after, Math.max(interval, rhythmOf(far)));
  if (time === null) return { at, time, before, after, total: null, processes: [] };
  const found = await readProcesses(context, host, time);
  return time === before ? { at, time, before: beforeThat, after, ...found } : { at, time, before, after: afterThat, ...found };
}

/** How often it was sampled around then, ms: that may have been changed since. 0: nobody can tell. */
function rhythmOf({ earlier, later }: Neighbours): number {
  const steps = [earlier, later].flatMap(([first, second]) =>
    first === undefined || second === undefined ? [] : [Math.abs(second - first)],
  );
  return steps.length < 2 ? 0 : Math.min(...steps);
}

/** The nearer of both, the earlier of two as near; null if neither is within `interval`. */
export function nearest(at: number, before: number | null, after: number | null, interval: number): number | null {
  const toBefore = before === null ? Number.POSITIVE_INFINITY : at - before;
  const toAfter = after === null ? Number.POSITIVE_INFINITY : after - at;
  if (Math.min(toBefore, toAfter) > interval) return null;
  return toBefore <= toAfter ? before : after;
}

async function readNeighbours(
  context: Pick<ApiContext, 'store' | 'database'>,
  host: string,
  at: number,
  reach: number,
): Promise<Neighbours> {
  // One row a sample.
  const largest = `"host"::tag = ${quoteString(host)} AND "by"::tag = 'memory' AND "rank"::tag = '1'`;
  const select = `SELECT "pid" FROM "process_top" WHERE ${largest} AND time`;
  const [earlier, later] = await ask(context, [
    `${select} <= ${at}ms AND time >= ${Math.max(0, at - reach)}ms ORDER BY time DESC LIMIT 2`,
    `${select} > ${at}ms AND time <= ${at + reach}ms LIMIT 2`,
  ]);
  const times = (result: StatementResult | undefined): number[] =>
    (result?.series ?? []).flatMap(({ values }) => values.map(([time]) => number(time) ?? 0));
  return { earlier: times(earlier), later: times(later) };
}

async function readProcesses(
  context: Pick<ApiContext, 'store' | 'database'>,
  host: string,
  time: number,
): Promise<Pick<MomentBody, 'total' | 'processes'>> {
  const own = `"host"::tag = ${quoteString(host)}`;
  const [ranked, counted, gpus] = await ask(context, [
    `SELECT "process_name", "user"::field, "pid", "cpu_usage", "memory_rss" FROM "process_top" WHERE ${own} ` +
      `AND time >= ${time}ms AND time < ${time + 1}ms GROUP BY "by", "rank"`,
    `SELECT "total" FROM "processes" WHERE ${own} AND time >= ${time}ms AND time < ${time + 1}ms LIMIT 1`,
    `SELECT "pid", "memory_used" FROM "gpu_process" WHERE ${own} AND time > ${time - GPU_MS}ms AND time <= ${time}ms ` +
      'GROUP BY "vendor", "gpu", "rank" ORDER BY time DESC LIMIT 1',
  ]);
  const held = gpuMemory(gpus);
  const processes = (ranked?.series ?? []).flatMap(({ tags, values }): RankedProcessBody[] => {
    const [, name, user, pid, cpu, memory] = values[0] ?? [];
    const by = tags?.['by'];
    const rank = Number(tags?.['rank']);
    if ((by !== 'cpu' && by !== 'memory') || !Number.isInteger(rank)) return [];
    return [
      {
        by,
        rank,
        name: text(name) ?? '',
        user: text(user),
        pid: number(pid),
        cpu: number(cpu),
        memory: number(memory),
        gpu_memory: held.get(number(pid) ?? -1) ?? null,
      },
    ];
  });
  processes.sort((a, b) => a.by.localeCompare(b.by) || a.rank - b.rank);
  return { total: number(counted?.series?.[0]?.values[0]?.[1]), processes };
}

/** Bytes by pid, over all GPUs, in the newest of these rows: a process that ended has older ones. */
function gpuMemory(result: StatementResult | undefined): ReadonlyMap<number, number> {
  const rows = (result?.series ?? []).map(({ tags, values }) => ({
    vendor: tags?.['vendor'] ?? '',
    values: (values[0] ?? []).map((value) => number(value)),
  }));
  const newest = new Map<string, number>();
  for (const { vendor, values } of rows) newest.set(vendor, Math.max(newest.get(vendor) ?? 0, values[0] ?? 0));
  const held = new Map<number, number>();
  for (const { vendor, values } of rows) {
    const [time, pid, used] = values;
    if (typeof pid === 'number' && time === newest.get(vendor)) held.set(pid, (held.get(pid) ?? 0) + (used ?? 0));
  }
  return held;
}

async function ask(
  { store, database }: Pick<ApiContext, 'store' | 'database'>,
  statements: readonly string[],
): Promise<(StatementResult | undefined)[]> {
  const { results } = await store.query(statements.join('; '), { database, epoch: 'ms', signal: AbortSignal.timeout(TIMEOUT_MS) });
  const failed = results.find(({ error }) => error !== undefined);
  if (failed?.error !== undefined) throw new StoreError('query', failed.error);
  return statements.map((_, at) => results.find(({ statement_id: id }) => id === at));
}

function number(value: QueryValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}

function text(value: QueryValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
