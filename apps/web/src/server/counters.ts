import type { ServerProcess, ServerState } from '../api/types.ts';
import { type Quantity, whole } from '../format/number.ts';
import { measured } from '../format/unit.ts';

/** One counter or level of one process. */
export interface Reading {
  readonly instance: string;
  readonly part: string;
  readonly name: string;
  readonly value: number;
  /** Change a second, of counters; null for levels and while it is not known. */
  readonly perSecond: number | null;
}

/** `state` with the processes of `last` that it does not know of, because the store through which it hears of them is silent. */
export function withLast(state: ServerState, last: ServerState | null): ServerState {
  if (state.gaps_24h !== null || last === null) return state;
  const known = new Set(state.processes.map(({ instance }) => instance));
  return { ...state, processes: [...state.processes, ...last.processes.filter(({ instance }) => !known.has(instance))] };
}

/** Reports of each process, oldest first, of the last minute or so. */
export type History = ReadonlyMap<string, readonly ServerProcess[]>;

/** Over this long a change a second is counted, ms: two reports of a process that writes every 30 s. */
const WINDOW = 65_000;
/** Later than this after its last report a process is silent, ms: it writes every 30 s. */
export const SILENT_AFTER = 90_000;

const LEVEL =
  /(^|_)(bytes|clients|hosts|seconds|ms|rows|series|segments|records|available|accepting|leader)$|^(hosts|retained)_|(^|_)(lag|state)_/;

/** Is it how much there is now, instead of how often something has happened? Counters have no other mark than their name. */
export function isLevel(name: string): boolean {
  return LEVEL.test(name);
}

/** `history` with new reports; a process that was started again begins anew, one that is gone is forgotten. */
export function remember(history: History, processes: readonly ServerProcess[]): History {
  return new Map(
    processes.map((process) => {
      const before = (history.get(process.instance) ?? []).filter(
        ({ started_at, last_seen }) =>
          started_at === process.started_at && last_seen < process.last_seen && last_seen >= process.last_seen - WINDOW,
      );
      return [process.instance, [...before, process]];
    }),
  );
}

/** Change a second of one counter of one process; null while there is one report only. */
export function rateOf(history: History, instance: string, part: string, name: string): number | null {
  const reports = history.get(instance) ?? [];
  const [first, last] = [reports[0], reports.at(-1)];
  if (first === undefined || last === undefined || last.last_seen <= first.last_seen) return null;
  // A counter that nothing was added to yet is not in the report.
  const change = (last.parts[part]?.[name] ?? 0) - (first.parts[part]?.[name] ?? 0);
  return change < 0 ? null : (1000 * change) / (last.last_seen - first.last_seen);
}

export function isSilent(process: ServerProcess, now: number): boolean {
  return now - process.last_seen > SILENT_AFTER;
}

/** Everything that the processes report, by part and name. */
export function readingsOf(processes: readonly ServerProcess[], history: History): Reading[] {
  return processes
    .flatMap(({ instance, parts }) =>
      Object.entries(parts).flatMap(([part, fields]) =>
        Object.entries(fields).map(([name, value]) => ({
          instance,
          part,
          name,
          value,
          perSecond: isLevel(name) ? null : rateOf(history, instance, part, name),
        })),
      ),
    )
    .sort((a, b) => a.part.localeCompare(b.part) || a.name.localeCompare(b.name) || a.instance.localeCompare(b.instance));
}

/** A counter or level over some processes: its sum, and its change a second. Null where no process has it. */
export interface Total {
  readonly value: number | null;
  readonly perSecond: number | null;
}

/** Adds up what `wanted` picks. */
export function totalOf(readings: readonly Reading[], wanted: (reading: Reading) => boolean): Total {
  const found = readings.filter(wanted);
  if (found.length === 0) return { value: null, perSecond: null };
  const rates = found.map(({ perSecond }) => perSecond).filter((rate) => rate !== null);
  return {
    value: found.reduce((sum, { value }) => sum + value, 0),
    perSecond: rates.length === 0 ? null : rates.reduce((sum, rate) => sum + rate, 0),
  };
}

/** What follows `prefix_` in the names of a part, with the sum of its value, largest first: the reasons of a refusal. */
export function reasonsOf(
  readings: readonly Reading[],
  part: string,
  prefix: string,
): readonly { readonly reason: string; readonly value: number }[] {
  const found = new Map<string, number>();
  for (const reading of readings) {
    if (reading.part !== part || !reading.name.startsWith(`${prefix}_`)) continue;
    const reason = reading.name.slice(prefix.length + 1).replaceAll('_', ' ');
    found.set(reason, (found.get(reason) ?? 0) + reading.value);
  }
  return [...found].map(([reason, value]) => ({ reason, value })).sort((a, b) => b.value - a.value || a.reason.localeCompare(b.reason));
}

/** The unit of a level by its name, as the catalog would have it; of counters 1. */
export function unitOf(name: string): string {
  if (!isLevel(name)) return '1';
  if (/bytes$/.test(name)) return 'bytes';
  return /(^|_)ms$/.test(name) ? 'ms' : /seconds$/.test(name) ? 's' : '1';
}

/** A value with its unit; counts in full. */
export function written(name: string, value: number): Quantity {
  const unit = unitOf(name);
  // Nothing has no scale: 0 ms, not 0 us.
  if (unit === 'ms' && value === 0) return { text: '0', unit };
  return unit === '1' ? { text: whole(value), unit: '' } : measured(unit, value);
}
