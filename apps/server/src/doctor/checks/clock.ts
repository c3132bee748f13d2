import { compareClocks, lookAtClock, type Observation } from '@hostwire/service/doctor';
import { askInflux } from '../influx-probe.ts';
import type { ServerCheck } from '../server-look.ts';

/** Whether this machine's clock can be right, and agrees with that of InfluxDB. */
export const clock: ServerCheck = {
  name: 'clock',
  async run({ config: { store }, now }, signal): Promise<readonly Observation[]> {
    const own = lookAtClock(now());
    if (own.level !== 'ok' || store.kind !== 'influxdb') return [own];
    // What keeps it from answering is told by another check.
    const time = await askInflux(store, signal).then(
      (answer) => answer.time,
      () => null,
    );
    return [time === null ? own : compareClocks(now(), time, 'InfluxDB')];
  },
};
