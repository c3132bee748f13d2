import { type QueryValue, quoteString, StoreError } from '@hostwire/store';
import type { ApiContext } from './context.ts';
import type { GapBody } from './process-schemas.ts';
import type { Range } from './series/range.ts';

const TIMEOUT_MS = 30_000;
const MAX_GAPS = 10_000;

/**
 * The gaps of a host that reach into the range, oldest first. A gap is told of after it ended, so its record may be
 * newer than the range. Throws StoreError.
 */
export async function readGaps(
  { store, database }: Pick<ApiContext, 'store' | 'database'>,
  host: string,
  range: Range,
): Promise<GapBody[]> {
  const text =
    `SELECT "from", "to", "count" FROM "gap" WHERE "host"::tag = ${quoteString(host)} AND time >= ${range.from}ms ` +
    `GROUP BY "reason" LIMIT ${MAX_GAPS}`;
  const { results } = await store.query(text, { database, epoch: 'ms', signal: AbortSignal.timeout(TIMEOUT_MS) });
  const [result] = results;
  if (result?.error !== undefined) throw new StoreError('query', result.error);
  const gaps = (result?.series ?? []).flatMap(({ tags, values }) =>
    values.map(([time, from, to, count]) => ({
      time: number(time) ?? 0,
      from: number(from),
      to: number(to),
      count: number(count) ?? 0,
      reason: tags?.['reason'] ?? '',
    })),
  );
  return gaps
    .filter(({ time, from, to }) => (from ?? time) < range.to && (to ?? time) >= range.from)
    .sort((a, b) => (a.from ?? a.time) - (b.from ?? b.time));
}

function number(value: QueryValue | undefined): number | null {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
}
