import { type CatalogMeasurement, type FieldValue, MAX_CLOCK_SKEW_MS, type Row, type Tier } from '@hostwire/model';
import { type QuerySeries, quoteIdentifier, quoteString, type SeriesStore } from '@hostwire/store';
import type { HostLive, LatestRows } from './host-live.ts';
import type { LiveState } from './live-state.ts';

const TIER_SECONDS: Readonly<Record<Tier, number>> = { fast: 30, medium: 300, slow: 1800 };

/** Gives every host the rows that it had when it was last seen, so that a restart shows no empty page. */
export async function seedLive(live: LiveState, store: Pick<SeriesStore, 'query'>, database: string, signal: AbortSignal): Promise<void> {
  const measurements = Object.entries(live.catalogs.merged().measurements);
  for (const host of live.hosts()) {
    if (host.lastSeenAt !== null && !signal.aborted) await seedHost(host, host.lastSeenAt, measurements, store, database, signal);
  }
}

async function seedHost(
  host: HostLive,
  lastSeenAt: number,
  measurements: readonly (readonly [string, CatalogMeasurement])[],
  store: Pick<SeriesStore, 'query'>,
  database: string,
  signal: AbortSignal,
): Promise<void> {
  const interval = (tier: Tier): number => host.intervalOf(tier) ?? TIER_SECONDS[tier];
  const statements = measurements.map(([name, { tier }]) => {
    // Its rows have the time of the host's own clock.
    const from = Math.round(lastSeenAt - 3 * interval(tier) * 1000 - MAX_CLOCK_SKEW_MS);
    return (
      `SELECT * FROM ${quoteIdentifier(name)} WHERE "host" = ${quoteString(host.host)} AND time >= ${from}ms ` +
      'GROUP BY * ORDER BY time DESC LIMIT 1'
    );
  });
  const { results } = await store.query(statements.join('; '), { database, epoch: 'ms', signal });
  for (const { statement_id: at, series = [] } of results) {
    const [name, declared] = measurements[at] ?? [];
    if (name === undefined || declared === undefined || series.length === 0) continue;
    const rows = newestRows(series);
    const { tier } = declared;
    if (rows !== null) host.seed(name, { ...rows, tier, receivedAt: rows.time, interval: interval(tier) });
  }
}

/** The rows of the newest time: what stopped before was gone by then. */
function newestRows(series: readonly QuerySeries[]): Pick<LatestRows, 'time' | 'rows'> | null {
  const found = series.map(({ tags, columns, values }) => ({ tags, columns, values: values[0] ?? [], time: Number(values[0]?.[0] ?? 0) }));
  const time = Math.max(...found.map((entry) => entry.time));
  if (time === 0) return null;
  const rows: Row[] = [];
  for (const entry of found) {
    if (entry.time !== time) continue;
    const fields: Record<string, FieldValue> = {};
    for (const [at, column] of entry.columns.entries()) {
      const value = entry.values[at];
      if (at > 0 && value !== null && value !== undefined) fields[column] = value;
    }
    const tags = Object.entries(entry.tags ?? {}).filter(([tag, value]) => tag !== 'host' && value !== '');
    if (Object.keys(fields).length > 0) rows.push({ tags: Object.fromEntries(tags), fields });
  }
  return { time, rows };
}
