import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { temp } from './index.ts';

const chip = (index: number, name: string, files: Record<string, string | AccessError>) =>
  Object.fromEntries(
    Object.entries({ name: `${name}\n`, ...files }).map(([file, text]) => [`/sys/class/hwmon/hwmon${index}/${file}`, text]),
  );
const ZONE = { '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n', '/sys/class/thermal/thermal_zone0/temp': '48312\n' };

describe('temp', () => {
  it('gives rows as declared, or one clear error, whatever became of the files', { timeout: 3_600_000 }, async () => {
    const files = {
      ...chip(0, 'nvme', { temp1_input: '30000\n', temp1_label: 'Composite\n' }),
      ...chip(1, 'acpitz', { temp1_input: '1000' }),
      ...ZONE,
    };
    await expectSoundRows(temp, new TreeHost({ files, links: { '/sys/class/hwmon/hwmon0/device': '../../nvme0' } }));
  });

  it('tells two disks of one kind apart by their device', async () => {
    const access = new TreeHost({
      files: {
        ...chip(0, 'nvme', { temp1_input: '30000\n', temp1_label: 'Composite\n' }),
        ...chip(1, 'nvme', { temp1_input: '-5500\n', temp1_label: 'Composite\n' }),
      },
      links: { '/sys/class/hwmon/hwmon0/device': '../../nvme0', '/sys/class/hwmon/hwmon1/device': '../../nvme1' },
    });
    expect(await new Readings(temp).read(access)).toEqual([
      { tags: { sensor: 'nvme_composite', device: 'nvme0' }, fields: { temp: 30 } },
      { tags: { sensor: 'nvme_composite', device: 'nvme1' }, fields: { temp: -5.5 } },
    ]);
  });

  it('tells two sensors without labels of one chip apart by their number', async () => {
    const access = new TreeHost({ files: chip(0, 'acpitz', { temp1_input: '1000', temp2_input: '2000', temp10_input: '10000' }) });
    const rows = await new Readings(temp).read(access);
    expect(rows.map(({ tags }) => tags?.['sensor'])).toEqual(['acpitz', 'acpitz_temp2', 'acpitz_temp10']);
  });

  it('passes over a sensor that has no reading now, and fails if none has', async () => {
    const asleep = new AccessError('ENODATA', 'no data');
    const files = chip(0, 'drivetemp', { temp1_input: asleep, temp2_input: '20000' });
    expect(await new Readings(temp).read(new TreeHost({ files }))).toHaveLength(1);
    await expect(new Readings(temp).read(new TreeHost({ files: chip(0, 'drivetemp', { temp1_input: asleep }) }))).rejects.toBe(asleep);
  });

  it('reports a reading that is not a number, and keeps the others', async () => {
    const readings = new Readings(temp);
    const rows = await readings.read(new TreeHost({ files: chip(0, 'a', { temp1_input: 'hot', temp2_input: '20000' }) }));
    expect(rows).toHaveLength(1);
    expect(readings.reported).toMatchObject([{ code: 'parse' }]);
  });

  it('reads thermal zones where there is no hwmon sensor, or if asked to', async () => {
    const zone = { tags: { sensor: 'cpu-thermal', device: 'thermal_zone0' }, fields: { temp: 48.312 } };
    expect(await new Readings(temp).read(new TreeHost({ files: ZONE }))).toEqual([zone]);
    const both = new TreeHost({ files: { ...ZONE, ...chip(0, 'k10temp', { temp1_input: '1000' }) } });
    expect(await new Readings(temp).read(both)).toHaveLength(1);
    expect(await new Readings(temp, { thermal_zones: true }).read(both)).toHaveLength(2);
  });

  it('looks for sensors anew only when a chip or a zone comes or goes', async () => {
    const access = new TreeHost({ files: { ...ZONE, ...chip(0, 'k10temp', { temp1_input: '1000' }) } });
    const readings = new Readings(temp);
    await readings.read(access);
    await readings.read(access);
    expect(access.asked.filter((path) => path === '/sys/class/hwmon/hwmon0/name')).toHaveLength(1);
    Object.assign(access.files, chip(1, 'nvme', { temp1_input: '2000' }));
    expect((await readings.read(access)).map(({ tags }) => tags?.['sensor'])).toEqual(['k10temp', 'nvme']);
  });

  it('is available where there is a sensor', async () => {
    expect(await temp.probe(new TreeHost({ files: ZONE }), {})).toEqual({ available: true });
    expect(await temp.probe(new TreeHost(), {})).toMatchObject({ available: false, reason: 'no temperature sensor' });
  });
});

it.skipIf(fixturesDir() === null)('temp of the recorded machine is what Telegraf writes for it', async () => {
  const folder = join(fixturesDir() as string, 'hwmon');
  const rows = await new Readings(temp).read(new LocalHost({ root: folder }));
  const lines = rows.map(({ tags, fields }) => `temp,sensor=${tags?.['sensor']} temp=${fields['temp']}`);
  expect(lines.sort()).toEqual(readFileSync(join(folder, 'expected_v2.out'), 'utf8').trim().split('\n').sort());
  expect(rows.every(({ fields }) => Object.keys(fields).length === 1)).toBe(true);
});
