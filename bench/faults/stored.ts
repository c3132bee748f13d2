import { openEmbeddedStore, openInfluxStore, type QuerySeries, type SeriesStore } from '@hostwire/store';

/** `host run` -> seq -> how often the store has it. */
export type Stored = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** What the embedded store of a server that is not running holds in measurement `agent`. */
export async function readEmbedded(directory: string): Promise<Stored> {
  const store = await openEmbeddedStore({ directory });
  try {
    return await readAgents(store);
  } finally {
    await store.close();
  }
}

/** What hosts told of missing samples, of the embedded store of a server that is not running. */
export async function readEmbeddedGaps(directory: string): Promise<{ readonly count: number; readonly reason: string }[]> {
  const store = await openEmbeddedStore({ directory });
  try {
    const series = await ask(store, 'SELECT "count" FROM gap GROUP BY host, reason');
    return series.flatMap(({ tags, values }) => values.map(([, count]) => ({ count: Number(count), reason: tags?.['reason'] ?? '' })));
  } finally {
    await store.close();
  }
}

/** What an InfluxDB holds in measurement `agent`. */
export async function readInflux(url: string): Promise<Stored> {
  const store = openInfluxStore({ url, database: 'hostwire', timeoutMs: 120_000 });
  try {
    return await readAgents(store);
  } finally {
    await store.close();
  }
}

async function readAgents(store: SeriesStore): Promise<Stored> {
  const stored = new Map<string, Map<number, number>>();
  const [hosts] = await ask(store, 'SHOW TAG VALUES FROM agent WITH KEY = host');
  // One after the other: a store bounds what one query may hold.
  for (const [, host] of hosts?.values ?? []) {
    const found = await ask(store, `SELECT run, seq FROM agent WHERE host::tag = '${String(host)}' GROUP BY *`);
    for (const [, run, seq] of found.flatMap(({ values }) => values)) {
      const key = `${String(host)} ${String(run)}`;
      const seqs = stored.get(key) ?? new Map<number, number>();
      seqs.set(Number(seq), (seqs.get(Number(seq)) ?? 0) + 1);
      stored.set(key, seqs);
    }
  }
  return stored;
}

async function ask(store: SeriesStore, influxql: string): Promise<readonly QuerySeries[]> {
  const { results } = await store.query(influxql, { database: 'hostwire', epoch: 'ms' });
  if (results[0]?.error !== undefined) throw new Error(results[0].error);
  return results[0]?.series ?? [];
}

export interface Comparison {
  /** In the ledger. */
  readonly collected: number;
  /** In the ledger and not in the store. */
  readonly lost: number;
  /** In the store more than once. */
  readonly twice: number;
  /** In the store and not in the ledger. */
  readonly unknown: number;
}

export function compare(ledger: ReadonlyMap<string, ReadonlySet<number>>, stored: Stored): Comparison {
  let [collected, lost, twice, unknown] = [0, 0, 0, 0];
  for (const [key, seqs] of ledger) {
    collected += seqs.size;
    for (const seq of seqs) if (!stored.get(key)?.has(seq)) lost++;
  }
  for (const [key, seqs] of stored) {
    for (const [seq, times] of seqs) {
      if (times > 1) twice++;
      if (!ledger.get(key)?.has(seq)) unknown++;
    }
  }
  return { collected, lost, twice, unknown };
}
