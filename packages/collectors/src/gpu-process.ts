import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { FieldValue, MeasurementDeclaration, Row } from '@hostwire/model';
import type { CollectContext, CollectorNeeds } from './collector.ts';
import { gauge, state } from './declare.ts';
import { CONTAINER_NAME_NEEDS, readContainerNames } from './docker/names.ts';
import { ProcessForest, readProcessTable } from './process-table.ts';
import { parsePasswd, parseProcessStatus } from './processes/parse.ts';
import { readSessions, SESSION_NEEDS } from './tmux/sessions.ts';

/** A process on a GPU, as the GPU's driver has it. */
export interface GpuProcess {
  /** Place of the GPU among those of its vendor, from 0. */
  readonly gpu: number;
  readonly pid: number;
  /** `C`, `G` or `C+G`; empty if it is not told. */
  readonly type: string;
  /** Of the program, perhaps with its path; empty if it is not told. */
  readonly name: string;
  /** Bytes of GPU memory; null if it is not told. */
  readonly memory: number | null;
}

export const GPU_PROCESS: MeasurementDeclaration = {
  help: 'Processes that use most memory of a GPU, ranked anew each time.',
  tags: { vendor: 'nvidia or amd', gpu: 'Place of the GPU among those of its vendor, from 0', rank: '1 to 10, by memory' },
  fields: {
    pid: state('int', 'Process id'),
    process_name: state('string', 'Program, without its arguments'),
    user: state('string', 'Name of the real user, or the number where /etc/passwd has none'),
    type: state('string', 'C computes, G draws, C+G does both'),
    memory_used: gauge('int', 'bytes', 'GPU memory in use'),
    session: state('string', 'Session of tmux that it descends from, as user:name'),
    container: state('string', 'Container that it is in: its name, or the first 12 digits of its id'),
  },
};

/** What `rowsOfProcesses` runs and reads. */
export const GPU_PROCESS_NEEDS: Required<CollectorNeeds> = { ...SESSION_NEEDS, ...CONTAINER_NAME_NEEDS };

const MAX_RANK = 10;
/** Who owns a process changes seldom, and asking tmux and an engine costs more than the GPU. */
const MAX_AGE_MS = 60_000;

/** Rows of the processes that use most memory of each GPU, with whose they are. */
export async function rowsOfProcesses(context: CollectContext, vendor: string, processes: readonly GpuProcess[]): Promise<Row[]> {
  const ranked = [...new Set(processes.map(({ gpu }) => gpu))].flatMap((gpu) =>
    mergeByPid(processes.filter((process) => process.gpu === gpu))
      .sort((a, b) => (b.memory ?? -1) - (a.memory ?? -1) || a.pid - b.pid)
      .slice(0, MAX_RANK)
      .map((process, index) => ({ process, rank: index + 1 })),
  );
  if (ranked.length === 0) return [];
  const owners = await readOwners(context, new Set(ranked.map(({ process }) => process.pid)));
  return ranked.map(({ process: { gpu, pid, type, name, memory }, rank }) => {
    const owner = owners.get(pid);
    const fields: Record<string, FieldValue> = { pid };
    const texts = { process_name: name || owner?.name, user: owner?.user, type, session: owner?.session, container: owner?.container };
    for (const [field, text] of Object.entries(texts)) if (text) fields[field] = text;
    if (memory !== null) fields['memory_used'] = memory;
    return { tags: { vendor, gpu: String(gpu), rank: String(rank) }, fields };
  });
}

/** One that both computes and draws, or that uses several parts of a GPU, is listed more than once. */
function mergeByPid(processes: readonly GpuProcess[]): GpuProcess[] {
  const merged = new Map<number, GpuProcess>();
  for (const process of processes) {
    const known = merged.get(process.pid);
    if (known === undefined) merged.set(process.pid, process);
    else {
      const type = known.type === process.type ? known.type : 'C+G';
      const memory = known.memory === null ? process.memory : known.memory + (process.memory ?? 0);
      merged.set(process.pid, { ...known, type, memory });
    }
  }
  return [...merged.values()];
}

interface Owner {
  readonly name?: string | undefined;
  readonly user?: string | undefined;
  readonly session?: string | undefined;
  readonly container?: string | undefined;
}

/** What can be told of these processes; what cannot be asked is left out and reported. */
async function readOwners({ access, time, signal, report }: CollectContext, pids: ReadonlySet<number>): Promise<Map<number, Owner>> {
  const list = [...pids];
  const paths = list.flatMap((pid) => [`/proc/${pid}/status`, `/proc/${pid}/cgroup`]);
  const [passwd = '', ...texts] = (await access.readFiles(['/etc/passwd', ...paths], { signal })).map(orEmpty);
  const names = parsePasswd(passwd);
  const containers = list.map((_, index) => containerOf(texts[2 * index + 1] ?? ''));
  const known = containers.some((container) => container !== null) ? await readContainerNames(access, time, MAX_AGE_MS) : new Map();
  const sessions = await readAncestors(access, time).catch((error: unknown) => {
    report(error);
    return null;
  });
  return new Map(
    list.map((pid, index) => {
      const { uid } = parseProcessStatus(texts[2 * index] ?? '');
      const container = containers[index] ?? null;
      const owner: Owner = {
        name: sessions?.forest.get(pid)?.name,
        user: uid === null ? undefined : (names.get(uid) ?? uid),
        session: sessions?.sessionOf(pid),
        container: container === null ? undefined : (known.get(container) ?? container.slice(0, 12)),
      };
      return [pid, owner];
    }),
  );
}

/** Finds the session of tmux that a process descends from. */
async function readAncestors(access: HostAccess, time: number) {
  const [{ stats }, { sessions }] = await Promise.all([readProcessTable(access, time), readSessions(access, time, MAX_AGE_MS)]);
  const forest = new ProcessForest(stats);
  const panes = new Map(sessions.flatMap(({ panes, user, title }) => panes.map((pane) => [pane, `${user}:${title}`] as const)));
  const sessionOf = (pid: number): string | undefined => {
    const seen = new Set<number>();
    for (let at = forest.get(pid); at !== undefined && !seen.has(at.pid); at = forest.get(at.parent)) {
      const session = panes.get(at.pid);
      if (session !== undefined) return session;
      seen.add(at.pid);
    }
    return undefined;
  };
  return { forest, sessionOf };
}

/**
 * The container that a process is in, of /proc/<pid>/cgroup (cgroups(7)): the id of one of Docker, Podman, containerd or
 * CRI-O, or the name of one of LXC; null if it is in none. Never throws.
 */
export function containerOf(cgroup: string): string | null {
  const id = [...cgroup.matchAll(/(?:^|[/:-])([0-9a-f]{64})(?=$|[/.\n])/gm)].at(-1)?.[1];
  return id ?? /\/lxc(?:\.payload)?[./]([A-Za-z0-9_-][A-Za-z0-9_.-]{0,62})/.exec(cgroup)?.[1] ?? null;
}

function orEmpty(text: string | AccessError): string {
  return text instanceof AccessError ? '' : text;
}
