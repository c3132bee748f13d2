import type { Counters } from '@hostwire/model';
import type { ProcessBody } from '../api/process-schemas.ts';
import { flatName, partOfLevel } from './flat-name.ts';

/** What a process says of itself, at the moment when it is asked. */
export interface ProcessSource {
  readonly instance: string;
  readonly roles: readonly string[];
  readonly version: string;
  readonly startedAt: number;
  /** Counters of each part, by the part's name. */
  readonly counters: ReadonlyMap<string, Counters>;
  /** Levels, by name as Prometheus writes it. */
  gauges(): ReadonlyMap<string, number>;
  degraded(): readonly string[];
}

/** One process as `GET /api/server` shows it and measurement `hostwire` keeps it. */
export function processReport(source: ProcessSource, now: number): ProcessBody {
  const parts: Record<string, Record<string, number>> = {};
  const put = (part: string, entry: string, value: number): void => {
    const fields = parts[part] ?? {};
    parts[part] = fields;
    fields[flatName(part, entry)] = Math.round(value);
  };
  for (const [part, counters] of source.counters) for (const [entry, value] of counters.entries()) put(part, entry, value);
  for (const [entry, value] of source.gauges()) put(partOfLevel(entry), entry, value);
  const { instance, roles, version, startedAt } = source;
  return { instance, roles: [...roles], version, started_at: startedAt, last_seen: now, parts, degraded: [...source.degraded()] };
}
