import { lookAtRoom } from '@hostwire/service/doctor';
import type { AgentCheck } from '../agent-look.ts';

/** Whether the disk has room for samples that wait. */
export const disk: AgentCheck = {
  name: 'disk',
  async run({ spool, config }) {
    if (spool === null) return [];
    const cure = 'free some room, or put spool.dir on another disk; without room the oldest samples that wait are given up';
    return [await lookAtRoom(spool, 'the spool', { reserve: config.spool.min_free_bytes, cure })];
  },
};
