import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { probeFile } from '../proc-text.ts';
import { type CpuTimes, cpuUsage, parseCpuTimes } from './parse.ts';

const share = (help: string) => gauge('float', 'percent', help);

export const cpu = defineCollector({
  name: 'cpu',
  tier: 'fast',
  help: 'What the processors spend their time on, as a whole and per core.',
  needsTwo: true,
  measurements: {
    cpu: {
      help: 'Share of the time since the last reading, per core and for the whole machine.',
      tags: { cpu: 'cpu-total, cpu0, cpu1, ...' },
      fields: {
        usage_active: share('All but idle; includes iowait, as in Telegraf'),
        usage_user: share('User code, without guests'),
        usage_system: share('Kernel'),
        usage_idle: share('Idle'),
        usage_nice: share('User code of lowered priority, without guests'),
        usage_iowait: share('Idle while a disk request was outstanding'),
        usage_irq: share('Hardware interrupts'),
        usage_softirq: share('Software interrupts'),
        usage_steal: share('Taken by the hypervisor for others'),
        usage_guest: share('Guests (virtual machines)'),
        usage_guest_nice: share('Guests of lowered priority'),
      },
    },
  },
  options: Type.Object({
    per_core: Type.Boolean({ default: true, remote: true, description: 'A row per core beside cpu-total' }),
  }),
  probe: (access) => probeFile(access, ['/proc/stat']),
  async collect({ access, options, memory, signal }) {
    const after = parseCpuTimes(await access.readFile('/proc/stat', { signal }));
    const before = memory.get('times') as Map<string, CpuTimes> | undefined;
    memory.set('times', after);
    const rows: Row[] = [];
    for (const [name, times] of after) {
      const last = before?.get(name);
      if (last === undefined || (!options.per_core && name !== 'cpu-total')) continue;
      const fields = cpuUsage(last, times);
      if (fields !== null) rows.push({ tags: { cpu: name }, fields });
    }
    return { cpu: rows };
  },
});
