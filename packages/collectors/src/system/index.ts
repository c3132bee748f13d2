import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { isAbsent, probeFile } from '../proc-text.ts';
import { countCpuList, countSessions, parseCpuinfo, parseLoadavg, parseUptime } from './parse.ts';

const ONLINE = '/sys/devices/system/cpu/online';
const SESSIONS = '/run/systemd/sessions';

export const system = defineCollector({
  name: 'system',
  tier: 'fast',
  help: 'Load, uptime, number of processors and of users.',
  needs: { files: [`${SESSIONS}/*`] },
  measurements: {
    system: {
      help: 'The machine as a whole.',
      tags: {},
      fields: {
        load1: gauge('float', '1', 'Tasks that run, wait for a cpu or for disk, over 1 minute'),
        load5: gauge('float', '1', 'The same over 5 minutes'),
        load15: gauge('float', '1', 'The same over 15 minutes'),
        n_cpus: gauge('int', 'cpus', 'Logical processors that are online'),
        n_physical_cpus: gauge('int', 'cpus', 'Cores'),
        n_users: gauge('int', 'users', 'Sessions of users (systemd-logind)'),
        n_unique_users: gauge('int', 'users', 'Users with a session'),
        uptime: counter('s', 'Since boot'),
      },
    },
  },
  options: Type.Object({}),
  probe: (access) => probeFile(access, ['/proc/loadavg']),
  async collect({ access, memory, signal }) {
    const [loadavg, [uptime, online], users] = await Promise.all([
      access.readFile('/proc/loadavg', { signal }),
      access.readFiles(['/proc/uptime', ONLINE], { signal }),
      readUsers(access, { signal }),
    ]);
    const fields: Record<string, FieldValue> = { ...parseLoadavg(loadavg), ...users };
    if (typeof uptime === 'string') fields['uptime'] = parseUptime(uptime);
    const key = typeof online === 'string' ? online : '';
    if (memory.get('online') !== key) {
      memory.set('processors', await readProcessors(access, key, { signal }));
      memory.set('online', key);
    }
    return { system: [{ fields: { ...fields, ...(memory.get('processors') as Record<string, number>) } }] };
  },
});

/** Asked only at the start and when a core comes or goes: /proc/cpuinfo is costly on machines of many cores. */
async function readProcessors(access: HostAccess, online: string, options: AccessOptions): Promise<Record<string, number>> {
  const [text] = await access.readFiles(['/proc/cpuinfo'], options);
  const cpuinfo = parseCpuinfo(typeof text === 'string' ? text : '');
  const cpus = online === '' ? cpuinfo.cpus : countCpuList(online);
  const siblings = Array.from(
    { length: Math.min(cpus, 4096) },
    (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`,
  );
  const lists = cpuinfo.cores === null ? await access.readFiles(siblings, options) : [];
  const cores = cpuinfo.cores ?? new Set(lists.filter((list) => typeof list === 'string')).size;
  return { ...(cpus > 0 ? { n_cpus: cpus } : {}), ...(cores > 0 ? { n_physical_cpus: cores } : {}) };
}

/** Nothing where the host has no systemd-logind or its files are not seen: unknown is not 0. */
async function readUsers(access: HostAccess, options: AccessOptions): Promise<Record<string, number>> {
  let names: string[];
  try {
    names = await access.readDir(SESSIONS, options);
  } catch (error) {
    if (isAbsent(error)) return {};
    throw error;
  }
  // Beside each session lies `<id>.ref`, a named pipe: opening it would wait for a writer.
  const paths = names.filter((name) => /^[A-Za-z0-9]+$/.test(name)).map((name) => `${SESSIONS}/${name}`);
  const files = await access.readFiles(paths, options);
  const { users, unique } = countSessions(files.filter((file) => typeof file === 'string'));
  return { n_users: users, n_unique_users: unique };
}
