import type { HostDetail, Row } from '../api/types.ts';

/** A detail that has nothing but these rows, all of one sample. */
export function detailOf(
  latest: Readonly<Record<string, readonly Row[]>>,
  rates: Readonly<Record<string, readonly Row[]>> = {},
): HostDetail {
  const entries = Object.entries(latest).map(([name, rows]) => [name, { time: 1000, tier: 'fast', rows: [...rows] }]);
  return { latest: Object.fromEntries(entries), rates, capabilities: {}, info: null, summary: {} } as unknown as HostDetail;
}

export function row(tags: Row['tags'], fields: Row['fields']): Row {
  return { tags, fields };
}
