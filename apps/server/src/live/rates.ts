import type { FieldValue, Row } from '@hostwire/model';

/** Rows of one measurement and the time (ms since the epoch) that their agent stamped. */
export interface TimedRows {
  readonly time: number;
  readonly rows: readonly Row[];
}

/** Tells the rows of one measurement apart: the same text for the same tags. */
export function rowKey(row: Row): string {
  const tags = row.tags ?? {};
  return JSON.stringify(
    Object.keys(tags)
      .sort()
      .map((name) => [name, tags[name]]),
  );
}

/**
 * The counters of `current` as change per second since `previous`. A counter that went down was reset: it has no rate
 * this time, as it has none when its row is new. Rows without any rate are left out.
 */
export function ratesOf(previous: TimedRows, current: TimedRows, isCounter: (field: string) => boolean): Row[] {
  const seconds = (current.time - previous.time) / 1000;
  if (!(seconds > 0)) return [];
  const before = new Map(previous.rows.map((row) => [rowKey(row), row.fields]));
  const rates: Row[] = [];
  for (const row of current.rows) {
    const old = before.get(rowKey(row));
    if (old === undefined) continue;
    const fields: Record<string, number> = {};
    for (const [name, value] of Object.entries(row.fields)) {
      if (!isCounter(name)) continue;
      const change = increase(old[name], value);
      if (change !== null) fields[name] = Math.round((change / seconds) * 1000) / 1000;
    }
    if (Object.keys(fields).length > 0) rates.push({ tags: row.tags ?? {}, fields });
  }
  return rates;
}

/** Null if either is no number, or if it went down. Exact beyond 2^53 as long as the change itself is below. */
function increase(from: FieldValue | undefined, to: FieldValue): number | null {
  let change: number;
  if (typeof from === 'number' && typeof to === 'number') change = to - from;
  else if (isWhole(from) && isWhole(to)) change = Number(BigInt(to) - BigInt(from));
  else return null;
  return change >= 0 ? change : null;
}

function isWhole(value: FieldValue | undefined): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value);
}
