import type { HostDetail, MomentProcesses, Row } from '../api/types.ts';

/** Reading rows of the newest sample. Values may be decimal strings where they are beyond 2^53. */

export function numberOf(row: Row | undefined, field: string): number | null {
  const raw = row?.fields[field];
  if (raw === null || raw === undefined || raw === '' || typeof raw === 'boolean') return null;
  const value = Number(raw);
  return Number.isFinite(value) ? value : null;
}

export function textOf(row: Row | undefined, field: string): string {
  const raw = row?.fields[field];
  return raw === null || raw === undefined ? '' : String(raw);
}

export function rowsOf(detail: HostDetail | null, measurement: string): readonly Row[] {
  return detail?.latest[measurement]?.rows ?? [];
}

/** The row of `rates` with the same value of `tag`. */
export function ratesLike(detail: HostDetail | null, measurement: string, tag: string, value: string | undefined): Row | undefined {
  return detail?.rates[measurement]?.find((row) => row.tags[tag] === value);
}

export interface Process {
  readonly name: string;
  readonly user: string;
  readonly pid: number | null;
  readonly cpu: number | null;
  readonly memory: number | null;
  /** Bytes on all GPUs; null: none that is known of. */
  readonly gpu: number | null;
}

/** The top processes by `cpu` or `memory`, first rank first. */
export function processesOf(detail: HostDetail | null, by: 'cpu' | 'memory'): Process[] {
  const held = new Map<number, number>();
  for (const row of rowsOf(detail, 'gpu_process')) {
    const pid = numberOf(row, 'pid');
    if (pid !== null) held.set(pid, (held.get(pid) ?? 0) + (numberOf(row, 'memory_used') ?? 0));
  }
  return rowsOf(detail, 'process_top')
    .filter(({ tags }) => tags['by'] === by)
    .sort((a, b) => Number(a.tags['rank']) - Number(b.tags['rank']))
    .map((row) => ({
      name: textOf(row, 'process_name'),
      user: textOf(row, 'user'),
      pid: numberOf(row, 'pid'),
      cpu: numberOf(row, 'cpu_usage'),
      memory: numberOf(row, 'memory_rss'),
      gpu: held.get(numberOf(row, 'pid') ?? -1) ?? null,
    }));
}

/** Those of a moment of the past, as `processesOf`. */
export function processesThen(moment: MomentProcesses | undefined, by: 'cpu' | 'memory'): Process[] {
  return (moment?.processes ?? [])
    .filter((one) => one.by === by)
    .sort((a, b) => a.rank - b.rank)
    .map(({ name, user, pid, cpu, memory, gpu_memory: gpu }) => ({ name, user: user ?? '', pid, cpu, memory, gpu }));
}

export interface FileSystem {
  readonly path: string;
  readonly device: string;
  readonly type: string;
  readonly readOnly: boolean;
  readonly percent: number | null;
  readonly used: number | null;
  readonly total: number | null;
  readonly inodes: number | null;
  /** It does not answer, so that nothing else is known of it. */
  readonly hung: boolean;
}

/** File systems: those that do not answer, then the fullest first. */
export function fileSystemsOf(detail: HostDetail | null): FileSystem[] {
  return rowsOf(detail, 'disk')
    .map((row) => ({
      path: row.tags['path'] ?? '',
      device: row.tags['device'] ?? '',
      type: row.tags['fstype'] ?? '',
      readOnly: row.tags['mode'] === 'ro',
      percent: numberOf(row, 'used_percent'),
      used: numberOf(row, 'used'),
      total: numberOf(row, 'total'),
      inodes: numberOf(row, 'inodes_used_percent'),
      hung: row.fields['hung'] === true,
    }))
    .sort((a, b) => Number(b.hung) - Number(a.hung) || (b.percent ?? 0) - (a.percent ?? 0));
}
