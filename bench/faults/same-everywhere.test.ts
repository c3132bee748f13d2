import { join } from 'node:path';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { type Shown, type Site, showRecording, startFiveProcesses, startOneProcess } from './same-everywhere.ts';

async function shownBy(start: (folder: string) => Promise<Site>, folder: string): Promise<Shown> {
  const site = await start(join(folder, 'server'));
  try {
    return await showRecording(site, join(folder, 'agent'));
  } finally {
    await site.close();
  }
}

systemSuite(['mosquitto', 'influxd', 'postgres'], 'the same agent', () => {
  it('shows the same in one process and on Mosquitto, two ingest workers, alerts, API, InfluxDB and PostgreSQL', {
    timeout: 300_000,
  }, async () => {
    const folder = tempDir();
    const shown = await shownBy(startOneProcess, join(folder, 'one'));
    const apart = await shownBy(startFiveProcesses, join(folder, 'five'));
    expect(Object.keys(shown.series).length).toBeGreaterThan(8);
    expect(shown.measurements.length).toBeGreaterThan(8);
    expect(apart).toEqual(shown);
  });
});
