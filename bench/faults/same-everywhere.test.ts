import { join } from 'node:path';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { showRecording, startFiveProcesses, startOneProcess } from './same-everywhere.ts';

systemSuite(['mosquitto', 'influxd', 'postgres'], 'the same agent', () => {
  it('shows the same in one process and on Mosquitto, two ingest workers, alerts, API, InfluxDB and PostgreSQL', {
    timeout: 300_000,
  }, async () => {
    const folder = tempDir();
    const one = await startOneProcess(join(folder, 'one'));
    const shown = await showRecording(one, join(folder, 'agent-one')).finally(() => one.close());
    const five = await startFiveProcesses(join(folder, 'five'));
    const apart = await showRecording(five, join(folder, 'agent-five')).finally(() => five.close());
    expect(Object.keys(shown.series).length).toBeGreaterThan(8);
    expect(shown.measurements.length).toBeGreaterThan(8);
    expect(apart).toEqual(shown);
  });
});
