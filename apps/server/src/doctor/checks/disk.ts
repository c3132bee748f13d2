import { lookAtRoom } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** Whether the disk has room for what comes in. */
export const disk: ServerCheck = {
  name: 'disk',
  async run({ config: { dataDir, store, journal } }) {
    const cure = 'free some room, move data_dir to a larger disk, or keep series for less long; until then agents keep their samples';
    return [
      await lookAtRoom(dataDir, 'the data directory', { reserve: store.kind === 'influxdb' ? journal.minFreeBytes : undefined, cure }),
    ];
  },
};
