import type { FieldType, FieldValue, PointGroup } from '@hostwire/model';
import { serializeGroups } from '../line-protocol/index.ts';
import type { QueryResponse, QuerySeries } from '../series-store.ts';

/** Start of the data, 2020-09-13T12:26:40Z: inside of one of InfluxDB's week-long shards. */
export const T0 = 1_600_000_000_000;
export const DATABASE = 'differential';

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const TYPES: Readonly<Record<string, FieldType>> = {
  usage: 'float',
  count: 'int',
  state: 'string',
  up: 'bool',
  big: 'int',
  sparse: 'float',
};

/** Two hours of points: regular and irregular series, gaps, all types, nanoseconds, tags that some series lack. */
export function sampleGroups(): readonly PointGroup[] {
  const next = random(7);
  const groups: PointGroup[] = [];
  const hosts = ['alpha', 'beta', 'gamma host'];
  for (let step = 0; step < 240; step++) {
    hosts.forEach((host, h) => {
      if (host === 'beta' && step > 80 && step < 140) return;
      const cpus = ['cpu-total', 'cpu0'].map((cpu, c) => ({
        measurement: 'cpu',
        tags: { cpu, host, ...(h === 2 ? {} : { region: h === 0 ? 'eu' : 'us' }) },
        fields: cpuFields(next, step, c),
        types: TYPES,
      }));
      const mem = {
        measurement: 'mem',
        tags: { host },
        fields: { usage: Math.round(next() * 1e4) / 100, free: 1e9 + step * 1000 + h },
        types: { free: 'int' } as const,
      };
      groups.push({
        database: DATABASE,
        source: host,
        time: T0 + step * 30_000 + h * 17,
        ...(h === 2 ? { nanos: 1234 } : {}),
        points: step % 2 === 0 ? [...cpus, mem] : cpus,
      });
    });
  }
  return [...groups, ...hourly('2020-10-24'), ...hourly('2021-04-03')];
}

/** Three days by the hour, around a change of clocks in Europe and in Australia. */
function hourly(day: string): readonly PointGroup[] {
  const start = Date.parse(`${day}T00:30:00Z`);
  return Array.from({ length: 72 }, (_, i) => ({
    database: DATABASE,
    source: 'clock',
    time: start + i * 3_600_000,
    points: [{ measurement: 'clock', tags: {}, fields: { v: i }, types: {} }],
  }));
}

function cpuFields(next: () => number, step: number, c: number): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {
    usage: Math.round(next() * 1e5) / 1000,
    count: Math.floor(next() * 50) - 10 + (step === 30 ? 7 : 0),
  };
  if (step % 5 === 0) fields['state'] = ['idle', 'busy', 'a "quoted" \\ state'][Math.floor(next() * 3)] ?? '';
  if (step % 3 === c) fields['up'] = next() > 0.4;
  if (step % 40 === 0) fields['big'] = 9_007_199_254_740_993n + BigInt(step);
  if (step % 37 === 5) fields['sparse'] = step;
  return fields;
}

export async function writeToInflux(url: string, groups: readonly PointGroup[]): Promise<void> {
  const lines = serializeGroups(groups, (_, measurement, field, message) => {
    throw new Error(`${measurement} ${field}: ${message}`);
  });
  await fetch(`${url}/query?q=${encodeURIComponent(`CREATE DATABASE ${DATABASE}`)}`, { method: 'POST' });
  const answer = await fetch(`${url}/write?db=${DATABASE}`, { method: 'POST', body: lines.map(({ text }) => text).join('\n') });
  if (answer.status !== 204) throw new Error(`${answer.status}: ${await answer.text()}`);
}

/** InfluxDB's answer; integers beyond 2^53 are read as doubles on both sides. */
export async function askInflux(url: string, influxql: string, epoch?: string): Promise<QueryResponse> {
  const query = new URLSearchParams({ db: DATABASE, q: influxql, ...(epoch === undefined ? {} : { epoch }) });
  const answer = await fetch(`${url}/query`, { method: 'POST', body: query });
  return (await answer.json()) as QueryResponse;
}

/**
 * An answer in the form in which two of them are the same if they say the same: rows of one time sorted (InfluxDB's
 * order of them comes from a heap), errors as their presence (the words are ours).
 */
export function comparable(response: QueryResponse | { error: string }): unknown {
  if ('error' in response) return 'refused';
  return (response.results ?? []).map((result) => ({
    id: result.statement_id,
    error: result.error !== undefined,
    series: (result.series ?? []).map((series) => ({
      name: series.name ?? '',
      tags: series.tags ?? {},
      columns: series.columns,
      values: sortedRows(series),
    })),
  }));
}

/** `ours` with the numbers of `theirs` where they are as good as equal: sums are added in another order. */
export function aligned(ours: unknown, theirs: unknown): unknown {
  if (typeof ours === 'number' && typeof theirs === 'number') {
    return Math.abs(ours - theirs) <= 1e-9 * Math.max(1, Math.abs(ours), Math.abs(theirs)) ? theirs : ours;
  }
  if (Array.isArray(ours) && Array.isArray(theirs)) return ours.map((item, i) => aligned(item, theirs[i]));
  if (!isRecord(ours) || !isRecord(theirs)) return ours;
  return Object.fromEntries(Object.entries(ours).map(([key, value]) => [key, aligned(value, theirs[key])]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/**
 * InfluxDB 1.6 can tell one series in two pieces when one of several calls has no point in it (its scanners lose their
 * place), or its rows out of order. Such an answer proves nothing.
 */
export function hasTornSeries(response: QueryResponse): boolean {
  return (response.results ?? []).some(({ series = [] }) => {
    const names = new Set(series.map(({ name, tags }) => JSON.stringify([name, tags])));
    return names.size < series.length || series.some(({ values }) => !isOrdered(values.map(([time]) => Date.parse(String(time)))));
  });
}

function isOrdered(times: readonly number[]): boolean {
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  return steps.every((step) => step >= 0) || steps.every((step) => step <= 0);
}

function sortedRows(series: QuerySeries): readonly (readonly unknown[])[] {
  const rows = series.values.map((row) => row.map(plainNumber));
  const out: unknown[][] = [];
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && rows[to]?.[0] === rows[from]?.[0]) to++;
    out.push(...rows.slice(from, to).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
    from = to;
  }
  return out;
}

/** Integers beyond 2^53 are read as doubles on both sides. */
function plainNumber(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
