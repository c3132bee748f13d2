import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { isAbsent } from '../proc-text.ts';
import { parseMdstat } from './parse.ts';

const MDSTAT = '/proc/mdstat';

export const mdstat = defineCollector({
  name: 'mdstat',
  tier: 'medium',
  help: 'Software RAID (md) arrays.',
  measurements: {
    mdstat: {
      help: 'One array of /proc/mdstat.',
      tags: { Name: 'md0, md127 ...' },
      fields: {
        ActivityState: state('string', 'active, inactive, or what it is busy with: recovering, resyncing, checking, reshaping, repairing'),
        Level: state('string', 'raid0, raid1, raid5, raid6, raid10, linear; empty for a container of external metadata'),
        ReadOnly: state('string', 'read-only or auto-read-only; absent if it may be written to'),
        Devices: state('string', 'Its members, sorted'),
        DisksActive: gauge('int', '1', 'Members that work'),
        DisksTotal: gauge('int', '1', 'Members that it should have, without spares; 0 while it is inactive'),
        DisksDown: gauge('int', '1', 'Members that are missing of those that it should have: above 0 it is degraded'),
        DisksFailed: gauge('int', '1', 'Members marked as failed (F)'),
        DisksSpare: gauge('int', '1', 'Spares (S)'),
        BlocksTotal: gauge('int', '1', 'Size in blocks of 1 KiB'),
        BlocksSynced: gauge('int', '1', 'Blocks of 1 KiB done of what it is busy with; all of them while it is not busy'),
        BlocksSyncedPct: gauge('float', 'percent', 'Done of what it is busy with; 0 while it is not busy'),
        BlocksSyncedFinishTime: gauge('float', '1', 'Minutes until that is done, by the estimate of the kernel'),
        BlocksSyncedSpeed: gauge('float', '1', 'KiB/s'),
      },
    },
  },
  options: Type.Object({}),
  async probe(access) {
    try {
      const arrays = parseMdstat(await access.readFile(MDSTAT));
      return arrays.length > 0 ? { available: true } : { available: false, reason: 'no software RAID array' };
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return { available: false, reason: 'no software RAID (md) in this kernel' };
    }
  },
  async collect({ access, signal }) {
    const arrays = parseMdstat(await access.readFile(MDSTAT, { signal }));
    return { mdstat: arrays.map(({ name, fields }) => ({ tags: { Name: name }, fields })) };
  },
});
