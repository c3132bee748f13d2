import type { FieldDeclaration, FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { probeFile } from '../proc-text.ts';
import { parseMeminfo } from './parse.ts';

const bytes = (help: string) => gauge('int', 'bytes', help);
const pages = (help: string) => gauge('int', 'pages', help);

/** What stands in /proc/meminfo as it is: field, key there, declaration. */
const PLAIN: readonly (readonly [field: string, key: string, declaration: FieldDeclaration])[] = [
  ['total', 'MemTotal', bytes('Usable memory')],
  ['free', 'MemFree', bytes('Used for nothing at all')],
  ['active', 'Active', bytes('Used recently')],
  ['inactive', 'Inactive', bytes('Not used recently')],
  ['buffered', 'Buffers', bytes('Cache of block devices')],
  ['shared', 'Shmem', bytes('Shared memory and tmpfs')],
  ['slab', 'Slab', bytes("The kernel's own structures")],
  ['sreclaimable', 'SReclaimable', bytes('Part of slab that can be given back')],
  ['sunreclaim', 'SUnreclaim', bytes('Part of slab that cannot be given back')],
  ['dirty', 'Dirty', bytes('Waits to be written to disk')],
  ['write_back', 'Writeback', bytes('Is being written to disk')],
  ['write_back_tmp', 'WritebackTmp', bytes('Buffers of FUSE for writing')],
  ['mapped', 'Mapped', bytes('Files mapped into processes')],
  ['page_tables', 'PageTables', bytes('Page tables')],
  ['commit_limit', 'CommitLimit', bytes('Most that may be promised to processes')],
  ['committed_as', 'Committed_AS', bytes('Promised to processes')],
  ['swap_total', 'SwapTotal', bytes('Size of all swap')],
  ['swap_free', 'SwapFree', bytes('Unused swap')],
  ['swap_cached', 'SwapCached', bytes('In memory and in swap')],
  ['high_total', 'HighTotal', bytes('High memory (32-bit kernels)')],
  ['high_free', 'HighFree', bytes('Unused high memory (32-bit kernels)')],
  ['low_total', 'LowTotal', bytes('Low memory (32-bit kernels)')],
  ['low_free', 'LowFree', bytes('Unused low memory (32-bit kernels)')],
  ['vmalloc_total', 'VmallocTotal', bytes('Address space of vmalloc')],
  ['vmalloc_used', 'VmallocUsed', bytes('Used by vmalloc')],
  ['vmalloc_chunk', 'VmallocChunk', bytes('Largest free piece of vmalloc')],
  ['huge_page_size', 'Hugepagesize', bytes('Size of a huge page')],
  ['huge_pages_total', 'HugePages_Total', pages('Huge pages')],
  ['huge_pages_free', 'HugePages_Free', pages('Unused huge pages')],
];

export const mem = defineCollector({
  name: 'mem',
  tier: 'fast',
  help: 'Memory, in bytes.',
  measurements: {
    mem: {
      help: 'Memory of the machine.',
      tags: {},
      fields: {
        used_percent: gauge('float', 'percent', 'used of total'),
        available_percent: gauge('float', 'percent', 'available of total'),
        used: bytes('total - available (Telegraf 1.36 and later)'),
        available: bytes('What programs can get without swapping'),
        cached: bytes('Page cache and reclaimable slab, as free(1) shows it'),
        ...Object.fromEntries(PLAIN.map(([field, , declaration]) => [field, declaration])),
      },
    },
  },
  options: Type.Object({}),
  probe: (access) => probeFile(access, ['/proc/meminfo']),
  async collect({ access, signal }) {
    const values = parseMeminfo(await access.readFile('/proc/meminfo', { signal }));
    const number = (key: string) => Number(values.get(key) ?? 0);
    const total = number('MemTotal');
    const cached = number('Cached') + number('SReclaimable');
    // Kernels before 3.14 have no MemAvailable; Telegraf then counts what is free or cached.
    const available = Math.min(values.has('MemAvailable') ? number('MemAvailable') : number('MemFree') + cached, total);
    const used = total - available;
    const fields: Record<string, FieldValue> = { used, available, cached };
    for (const [field, key] of PLAIN) {
      const value = values.get(key);
      if (value !== undefined) fields[field] = value;
    }
    if (total > 0) {
      fields['used_percent'] = (100 * used) / total;
      fields['available_percent'] = (100 * available) / total;
    }
    return { mem: [{ fields }] };
  },
});
