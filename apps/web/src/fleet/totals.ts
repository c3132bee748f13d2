import type { HostSummary } from '../api/types.ts';

interface Part {
  readonly used: number | null;
  readonly total: number | null;
  readonly percent: number | null;
}

export interface Totals {
  /** Percent of all threads of the hosts that are here. */
  readonly cpu: number | null;
  readonly threads: number;
  readonly memory: Part;
  readonly storage: Part;
  readonly in: number | null;
  readonly out: number | null;
  /** Hosts that are known but silent; their values are in no sum. */
  readonly missing: number;
}

/** The sums over the hosts that report now. Null where no host knows the thing. */
export function totalsOf(hosts: readonly HostSummary[]): Totals {
  const here = hosts.filter(({ state }) => state === 'online');
  const sum = (values: readonly (number | null | undefined)[]): number | null => {
    const known = values.filter((value): value is number => typeof value === 'number');
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
  };
  const part = (levels: readonly { used: number | null; total: number | null }[]): Part => {
    const whole = levels.filter(({ used, total }) => used !== null && total !== null && total > 0);
    const used = sum(whole.map((level) => level.used));
    const total = sum(whole.map((level) => level.total));
    return { used, total, percent: used === null || total === null ? null : (100 * used) / total };
  };
  const disks = here.map(({ storage }) => storage).filter(({ used, free }) => used !== null && free !== null);
  const storage = part(disks);
  // As df: what is reserved for root is neither used nor to be had.
  const usable = sum(disks.map(({ used, free }) => (used ?? 0) + (free ?? 0)));
  const measured = here.filter(({ cpu, n_cpus }) => cpu !== null && n_cpus !== null);
  const threads = sum(measured.map(({ n_cpus }) => n_cpus)) ?? 0;
  const busy = sum(measured.map(({ cpu, n_cpus }) => (cpu ?? 0) * (n_cpus ?? 0)));
  return {
    cpu: busy === null || threads === 0 ? null : busy / threads,
    threads,
    memory: part(here.map(({ memory }) => memory)),
    storage: { ...storage, percent: storage.used === null || usable === null || usable === 0 ? null : (100 * storage.used) / usable },
    in: sum(here.map(({ network }) => network?.in)),
    out: sum(here.map(({ network }) => network?.out)),
    missing: hosts.length - here.length,
  };
}
