import type { Row } from '@hostwire/model';
import type { HostLive } from '../live/host-live.ts';
import { summaryOf } from '../live/summary.ts';
import type { ApiContext } from './context.ts';
import type { HostDetailBody, HostSummaryBody, RowBody } from './schemas.ts';

/** A row as JSON can hold it: integers beyond 2^53-1 as decimal strings. */
export function rowBody(row: Row): RowBody {
  const fields: RowBody['fields'] = {};
  for (const [name, value] of Object.entries(row.fields)) fields[name] = typeof value === 'bigint' ? value.toString() : value;
  return { tags: { ...row.tags }, fields };
}

export function hostSummary(context: Pick<ApiContext, 'alerts' | 'now'>, host: HostLive): HostSummaryBody {
  return summaryOf(host, context.now(), { ...context.alerts.firing(host.host) });
}

export function hostRows(host: HostLive): Pick<HostDetailBody, 'latest' | 'rates'> {
  const latest: HostDetailBody['latest'] = {};
  const rates: HostDetailBody['rates'] = {};
  for (const measurement of host.measurements()) {
    const found = host.latest(measurement);
    if (found === undefined) continue;
    latest[measurement] = { time: found.time, tier: found.tier, rows: found.rows.map(rowBody) };
    const changes = host.rates(measurement);
    if (changes.length > 0) rates[measurement] = changes.map(rowBody);
  }
  return { latest, rates };
}
