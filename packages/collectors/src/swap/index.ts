import type { FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { parseMeminfo } from '../mem/parse.ts';
import { probeFile, readPageSize, scaleCounter } from '../proc-text.ts';
import { parseSwapPages } from './parse.ts';

export const swap = defineCollector({
  name: 'swap',
  tier: 'fast',
  help: 'Swap space, and what went through it.',
  measurements: {
    swap: {
      help: 'All swap areas together.',
      tags: {},
      fields: {
        total: gauge('int', 'bytes', 'Size'),
        used: gauge('int', 'bytes', 'total - free'),
        free: gauge('int', 'bytes', 'Unused'),
        used_percent: gauge('float', 'percent', 'used of total; 0 without swap'),
        in: counter('bytes', 'Swapped in since boot'),
        out: counter('bytes', 'Swapped out since boot'),
      },
    },
  },
  options: Type.Object({}),
  probe: (access) => probeFile(access, ['/proc/meminfo']),
  async collect({ access, memory, signal }) {
    const [meminfo, vmstat] = await Promise.all([
      access.readFile('/proc/meminfo', { signal }),
      access.readFile('/proc/vmstat', { signal }),
    ]);
    const pageSize = (memory.get('page size') as number | undefined) ?? (await readPageSize(access, { signal }));
    memory.set('page size', pageSize);
    const values = parseMeminfo(meminfo);
    const total = Number(values.get('SwapTotal') ?? 0);
    const free = Math.min(Number(values.get('SwapFree') ?? 0), total);
    const fields: Record<string, FieldValue> = {
      total,
      used: total - free,
      free,
      used_percent: total === 0 ? 0 : (100 * (total - free)) / total,
    };
    const pages = parseSwapPages(vmstat);
    if (pages !== null) {
      fields['in'] = scaleCounter(pages.in, pageSize);
      fields['out'] = scaleCounter(pages.out, pageSize);
    }
    return { swap: [{ fields }] };
  },
});
