import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { probeFile, readPageSize } from '../proc-text.ts';
import { readProcessTable } from '../process-table.ts';
import { countProcesses, type ProcessStat, parsePasswd, parseProcessStatus } from './parse.ts';
import { cpuUsages, largest, type Reading, toReading } from './top.ts';

const count = (help: string) => gauge('int', 'processes', help);

export const processes = defineCollector({
  name: 'processes',
  tier: 'fast',
  help: 'Processes by state, and those that use most cpu and memory.',
  needsTwo: true,
  needs: { files: ['/etc/passwd'] },
  measurements: {
    processes: {
      help: 'Processes by state; kernel threads count too.',
      tags: {},
      fields: {
        total: count('All'),
        running: count('Running or ready to (R)'),
        sleeping: count('Waiting for an event (S)'),
        blocked: count('Waiting for disk, not to be interrupted (D)'),
        zombies: count('Ended, but not yet asked for by their parents (Z)'),
        stopped: count('Stopped or traced (T)'),
        idle: count('Idle kernel threads (I)'),
        dead: count('Dead (X)'),
        paging: count('Paging (W, kernels before 2.6)'),
        parked: count('Parked (P); only where there is one'),
        unknown: count('In a state that is none of these'),
        total_threads: gauge('int', 'threads', 'Threads of all processes'),
      },
    },
    process_top: {
      help: 'The processes that use most, ranked anew each time.',
      tags: { by: 'What they are ranked by: cpu or memory', rank: '1 to 10' },
      fields: {
        process_name: state('string', 'Name: the first 15 bytes of that of the program'),
        user: state('string', 'Name of the real user, or the number where /etc/passwd has none'),
        pid: state('int', 'Process id'),
        cpu_usage: gauge('float', 'percent', 'Of one core since the last reading, as top shows it: 4 busy threads are 400'),
        memory_rss: gauge('int', 'bytes', 'Resident memory, shared pages included'),
      },
    },
  },
  options: Type.Object({
    top: Type.Integer({ remote: true, default: 10, minimum: 0, maximum: 10, description: 'How many processes are named; 0: none' }),
  }),
  probe: (access) => probeFile(access, ['/proc/1/stat', '/proc/self/stat']),
  async collect(context) {
    const { stats, failure } = await readProcessTable(context.access, context.time);
    if (failure !== undefined) context.report(failure);
    return {
      processes: [{ fields: countProcesses(stats) }],
      process_top: context.options.top === 0 ? [] : await rankProcesses(context, stats, context.options.top),
    };
  },
});

async function rankProcesses(context: CollectContext, stats: readonly ProcessStat[], top: number): Promise<Row[]> {
  const { access, memory, monotonic, signal } = context;
  const before = memory.get('reading') as Reading | undefined;
  memory.set('reading', toReading(stats, monotonic));
  const pageSize = (memory.get('page size') as number | undefined) ?? (await readPageSize(access, { signal }));
  memory.set('page size', pageSize);

  const usages = before === undefined ? new Map<number, number>() : cpuUsages(stats, before, monotonic);
  const measured = stats.filter(({ pid }) => usages.has(pid));
  const rankings = [
    ['cpu', largest(measured, top, ({ pid }) => usages.get(pid) ?? 0)],
    ['memory', largest(stats, top, ({ rssPages }) => rssPages)],
  ] as const;
  const chosen = new Set(rankings.flatMap(([, ranked]) => ranked));
  const details = await readDetails(access, chosen, pageSize, { signal });
  const rss = ({ pid }: ProcessStat) => details.get(pid)?.rss ?? 0;
  return rankings.flatMap(([by, ranked]) =>
    // What is exact may differ a little from what they were chosen by.
    (by === 'memory' ? largest(ranked, top, rss) : ranked).map((stat, index) => {
      const fields: Record<string, FieldValue> = { process_name: stat.name, pid: stat.pid, memory_rss: rss(stat) };
      const user = details.get(stat.pid)?.user;
      const usage = usages.get(stat.pid);
      if (user !== undefined) fields['user'] = user;
      if (usage !== undefined) fields['cpu_usage'] = usage;
      return { tags: { by, rank: String(index + 1) }, fields };
    }),
  );
}

interface Details {
  /** Bytes. */
  readonly rss: number;
  /** Not there for a process that has ended. */
  readonly user?: string;
}

async function readDetails(access: HostAccess, chosen: ReadonlySet<ProcessStat>, pageSize: number, options: AccessOptions) {
  const stats = [...chosen];
  const paths = stats.map(({ pid }) => `/proc/${pid}/status`);
  const [passwd, ...statuses] = await access.readFiles(['/etc/passwd', ...paths], options);
  const names = parsePasswd(typeof passwd === 'string' ? passwd : '');
  return new Map<number, Details>(
    stats.map(({ pid, rssPages }, index) => {
      const status = statuses[index];
      const { uid, rss } = parseProcessStatus(typeof status === 'string' ? status : '');
      return [pid, { rss: rss ?? rssPages * pageSize, ...(uid === null ? {} : { user: names.get(uid) ?? uid }) }];
    }),
  );
}
