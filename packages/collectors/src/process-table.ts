import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import { isAbsent } from './proc-text.ts';
import { type ProcessStat, parseProcessStat } from './processes/parse.ts';
import { shareReading } from './shared-reading.ts';

/** All processes that could be read, and the first failure among those that could not. */
export interface ProcessTable {
  readonly stats: readonly ProcessStat[];
  /** Undefined if all went well; one stands for all, a thousand would say no more. */
  readonly failure?: unknown;
}

/** One pass over /proc/<pid>/stat, for all that need it for the tick at `time`. Rejects if not one could be read. */
export function readProcessTable(access: HostAccess, time: number): Promise<ProcessTable> {
  return shareReading(access, 'processes', { time, maxAgeMs: 0 }, (signal) => readAll(access, { signal }));
}

async function readAll(access: HostAccess, options: AccessOptions): Promise<ProcessTable> {
  const pids = (await access.readDir('/proc', options)).filter((name) => /^[1-9][0-9]*$/.test(name));
  const texts = await access.readFiles(
    pids.map((pid) => `/proc/${pid}/stat`),
    options,
  );
  const stats: ProcessStat[] = [];
  const failures: unknown[] = [];
  for (const text of texts) {
    try {
      if (typeof text === 'string') stats.push(parseProcessStat(text));
      // ESRCH and ENOENT: it ended after the directory was read. With hidepid others' processes are not seen at all.
      else if (text.code !== 'ESRCH' && !isAbsent(text)) failures.push(text);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0 && stats.length === 0) throw failures[0];
  return { stats, ...(failures.length > 0 ? { failure: failures[0] } : {}) };
}

/** Who descends from whom, at one moment. */
export class ProcessForest {
  readonly #byPid = new Map<number, ProcessStat>();
  readonly #children = new Map<number, ProcessStat[]>();

  constructor(stats: Iterable<ProcessStat>) {
    for (const stat of stats) {
      this.#byPid.set(stat.pid, stat);
      const siblings = this.#children.get(stat.parent);
      if (siblings === undefined) this.#children.set(stat.parent, [stat]);
      else siblings.push(stat);
    }
  }

  get(pid: number): ProcessStat | undefined {
    return this.#byPid.get(pid);
  }

  children(pid: number): readonly ProcessStat[] {
    return this.#children.get(pid) ?? [];
  }

  /** These processes and all that descend from them, each once; those that are not there are passed over. */
  below(roots: Iterable<number>): ProcessStat[] {
    const found = new Map<number, ProcessStat>();
    const open = [...roots].flatMap((pid) => this.#byPid.get(pid) ?? []);
    for (let stat = open.pop(); stat !== undefined; stat = open.pop()) {
      if (found.has(stat.pid)) continue;
      found.set(stat.pid, stat);
      open.push(...this.children(stat.pid));
    }
    return [...found.values()];
  }
}
