import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { readGpuMemory } from '../gpu-memory.ts';
import { NVIDIA_SMI_NEED } from '../nvidia_smi/read.ts';
import { readPageSize } from '../proc-text.ts';
import { ProcessForest, readProcessTable } from '../process-table.ts';
import { type ProcessStat, parseProcessStatus } from '../processes/parse.ts';
import { findSockets, type OwnedSession, readSessions, SESSION_NEEDS } from './sessions.ts';
import { type ForestReading, toForestReading, usageOf } from './usage.ts';

export const tmux = defineCollector({
  name: 'tmux',
  tier: 'medium',
  help: 'Sessions of tmux of every user whose server may be asked.',
  needsTwo: true,
  needs: { ...SESSION_NEEDS, commands: [{ command: 'tmux', args: ['-V'] }, NVIDIA_SMI_NEED, ...SESSION_NEEDS.commands] },
  measurements: {
    tmux_session: {
      help: 'A session and all processes that descend from its panes.',
      tags: { user: 'Whose it is', session: 'Its name' },
      fields: {
        id: state('string', 'As tmux numbers it, such as $3: its own while the server runs'),
        socket: state('string', 'Path of the socket of its server'),
        created: gauge('int', 's', 'When it began, since 1970'),
        last_activity: gauge('int', 's', 'When a key was last pressed in it or it was attached, since 1970'),
        attached: gauge('int', '1', 'Clients that are attached'),
        windows: gauge('int', '1', 'Windows'),
        pids: gauge('int', 'processes', 'Processes of its panes and all that descend from them'),
        cpu_usage: gauge('float', 'percent', 'Of one core since the last reading, of all its processes: 4 busy threads are 400'),
        memory_rss: gauge('int', 'bytes', 'Resident memory of all its processes, added up; what they share counts in each'),
        gpu_memory: gauge('int', 'bytes', 'GPU memory of all its processes; only where a GPU tells it by process'),
        status: state('string', 'active: attached, or detached for less than legacy_after_hours; else legacy'),
      },
    },
  },
  options: Type.Object({
    legacy_after_hours: Type.Number({
      remote: true,
      default: 72,
      minimum: 0,
      description: 'A session that has been detached for longer is legacy',
    }),
  }),
  async probe(access): Promise<Capability> {
    try {
      await access.exec('tmux', ['-V']);
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      return { available: false, reason: `tmux cannot be run (${error.code})` };
    }
    return await probeOthers(access);
  },
  async collect(context) {
    const { access, memory, monotonic, report, time } = context;
    // Before tmux is asked, which may take a while: the stamp is of now.
    const table = await readProcessTable(access, time);
    if (table.failure !== undefined) report(table.failure);
    const forest = new ProcessForest(table.stats);
    const before = memory.get('reading') as ForestReading | undefined;
    const reading = toForestReading(forest, table.stats, monotonic);
    memory.set('reading', reading);
    const { sessions, failures } = await readSessions(access, time);
    for (const failure of failures) report(failure);
    const trees = new Map(sessions.map((session) => [session, forest.below(session.panes)]));
    const rss = await readRss(context, new Set([...trees.values()].flat()));
    const gpuMemory = sessions.length > 0 ? await readGpuMemory(access, time) : new Map<number, number>();
    const seen = rememberAttached(context, sessions);
    return {
      tmux_session: sessions.map((session): Row => {
        const tree = trees.get(session) ?? [];
        const { id, socket, created, activity, attached, windows } = session;
        const fields: Record<string, FieldValue> = { id, socket, created, attached, windows, pids: tree.length };
        if (activity > 0) fields['last_activity'] = activity;
        fields['status'] = isLegacy(session, seen.get(keyOf(session)) ?? 0, context) ? 'legacy' : 'active';
        const usage = before === undefined ? undefined : usageOf(tree, before, reading);
        if (tree.length > 0) {
          if (usage !== undefined) fields['cpu_usage'] = usage;
          fields['memory_rss'] = tree.reduce((sum, stat) => sum + (rss.get(stat) ?? 0), 0);
          if (gpuMemory.size > 0) fields['gpu_memory'] = tree.reduce((sum, { pid }) => sum + (gpuMemory.get(pid) ?? 0), 0);
        }
        return { tags: { user: session.user, session: session.title }, fields };
      }),
    };
  },
});

/** Available in any case; says so if there are sessions of others that cannot be seen. */
async function probeOthers(access: HostAccess): Promise<Capability> {
  const { sockets, self } = await findSockets(access);
  const own = sockets.find(({ uid }) => uid === self);
  if (own !== undefined && !(await isThere(access, `/tmp/tmux-${own.uid}`))) return { available: true, hint: PRIVATE_TMP };
  if (self === 0 || sockets.every(({ uid }) => uid === self)) return { available: true };
  return { available: true, hint: OTHERS };
}

const PRIVATE_TMP = 'the agent has a /tmp of its own and sees no sessions: PrivateTmp=no in a drop-in (systemctl edit hostwire-agent)';
const OTHERS =
  'sessions of other users need `sudo = true` in the agent file, the lines of `hostwire-agent doctor --sudoers`, and PrivateTmp=no and NoNewPrivileges=no in a drop-in';

async function isThere(access: HostAccess, folder: string): Promise<boolean> {
  try {
    await access.readDir(folder);
    return true;
  } catch (error) {
    if (error instanceof AccessError && error.code === 'ENOENT') return false;
    return true;
  }
}

/** Exact bytes of each, as ps(1) has them. */
async function readRss({ access, memory, signal }: CollectContext, stats: ReadonlySet<ProcessStat>): Promise<Map<ProcessStat, number>> {
  if (stats.size === 0) return new Map();
  const pageSize = (memory.get('page size') as number | undefined) ?? (await readPageSize(access, { signal }));
  memory.set('page size', pageSize);
  const list = [...stats];
  const texts = await access.readFiles(
    list.map(({ pid }) => `/proc/${pid}/status`),
    { signal },
  );
  return new Map(
    list.map((stat, index) => {
      const text = texts[index];
      const exact = typeof text === 'string' ? parseProcessStatus(text).rss : null;
      return [stat, exact ?? stat.rssPages * pageSize];
    }),
  );
}

/** Of each session when it was last seen attached, in seconds since 1970; tmux does not keep when it was detached. */
function rememberAttached({ memory, time }: CollectContext, sessions: readonly OwnedSession[]): ReadonlyMap<string, number> {
  const before = (memory.get('attached') ?? new Map()) as ReadonlyMap<string, number>;
  const seen = new Map<string, number>();
  for (const session of sessions) {
    const key = keyOf(session);
    const last = session.attached > 0 ? time / 1000 : before.get(key);
    if (last !== undefined) seen.set(key, last);
  }
  memory.set('attached', seen);
  return seen;
}

function isLegacy(session: OwnedSession, seenAttached: number, { time, options }: CollectContext): boolean {
  if (session.attached > 0) return false;
  const since = Math.max(session.created, session.activity, seenAttached);
  const { legacy_after_hours: hours } = options as { readonly legacy_after_hours: number };
  return time / 1000 - since >= hours * 3600;
}

/** A session made anew on a server that was started anew may have the id of an old one. */
function keyOf({ socket, id, created }: OwnedSession): string {
  return JSON.stringify([socket, id, created]);
}
