import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { globs } from '../glob.ts';
import { probeFile } from '../proc-text.ts';
import { type DiskCounters, diskRates, parseDiskstats } from './parse.ts';

interface Reading {
  readonly monotonic: number;
  readonly devices: Map<string, DiskCounters>;
}

export const diskio = defineCollector({
  name: 'diskio',
  tier: 'fast',
  help: 'What block devices and partitions read and write.',
  needsTwo: true,
  measurements: {
    diskio: {
      help: 'Counters of a block device or partition since boot, and what they say of the time since the last reading.',
      tags: { name: "The kernel's name of the device: sda, sda1, nvme0n1, dm-0" },
      fields: {
        reads: counter('requests', 'Reads completed'),
        writes: counter('requests', 'Writes completed'),
        merged_reads: counter('requests', 'Reads merged into others'),
        merged_writes: counter('requests', 'Writes merged into others'),
        read_bytes: counter('bytes', 'Read'),
        write_bytes: counter('bytes', 'Written'),
        read_time: counter('ms', 'Sum of the time of all reads'),
        write_time: counter('ms', 'Sum of the time of all writes'),
        io_time: counter('ms', 'Time with a request outstanding'),
        weighted_io_time: counter('ms', 'Sum of the time of all requests, outstanding ones included'),
        iops_in_progress: gauge('int', 'requests', 'Outstanding now'),
        io_await: gauge('float', 'ms', 'Mean time of a request since the last reading; only if there was one'),
        io_svctm: gauge('float', 'ms', 'Busy time per request since the last reading; only if there was one'),
        io_util: gauge('float', 'percent', 'Busy time since the last reading'),
      },
    },
  },
  options: Type.Object({
    devices: Type.Array(Type.String(), { default: ['*'], remote: true, description: 'Patterns of the names to report' }),
    ignore_devices: Type.Array(Type.String(), {
      default: ['ram*'],
      remote: true,
      description: 'Patterns of the names to leave out of these',
    }),
  }),
  probe: (access) => probeFile(access, ['/proc/diskstats']),
  async collect({ access, options, memory, monotonic, signal }) {
    const devices = parseDiskstats(await access.readFile('/proc/diskstats', { signal }));
    const before = memory.get('reading') as Reading | undefined;
    memory.set('reading', { monotonic, devices } satisfies Reading);
    const wanted = globs(options.devices);
    const ignored = globs(options.ignore_devices);
    const rows: Row[] = [];
    for (const [name, counters] of devices) {
      if (!wanted(name) || ignored(name) || isIdleLoop(name, counters)) continue;
      const last = before?.devices.get(name);
      const rates = before && last ? diskRates(last, counters, monotonic - before.monotonic) : null;
      rows.push({ tags: { name }, fields: { ...counters, ...rates } });
    }
    return { diskio: rows };
  },
});

/** A kernel keeps eight loop devices ready, seldom one in use. */
function isIdleLoop(name: string, { reads, writes }: DiskCounters): boolean {
  return /^loop[0-9]+$/.test(name) && Number(reads) === 0 && Number(writes) === 0;
}
