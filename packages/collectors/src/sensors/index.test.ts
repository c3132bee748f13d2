import { join } from 'node:path';
import { AccessError, LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanRows } from '../clean-rows.ts';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { sensors } from './index.ts';
import { chipName, snakeCase, toFeatureFile } from './parse.ts';

const at = (index: number, files: Record<string, string | AccessError>) =>
  Object.fromEntries(Object.entries(files).map(([file, text]) => [`/sys/class/hwmon/hwmon${index}/${file}`, text]));
const link = (index: number, device: string, bus: string) => ({
  [`/sys/class/hwmon/hwmon${index}/device`]: `../../../${device}`,
  [`/sys/class/hwmon/hwmon${index}/device/subsystem`]: `../../../../bus/${bus}`,
});

const BOARD = at(0, {
  name: 'nct6775\n',
  fan1_input: '1180\n',
  fan1_min: '200\n',
  fan1_alarm: '0\n',
  fan2_input: '0\n',
  fan2_label: 'CPU Fan\n',
  in0_input: '1016\n',
  in0_min: '0\n',
  in0_max: '1744\n',
  in0_label: 'Vcore\n',
  curr1_input: '12500\n',
  power1_average: '24500000\n',
  power1_cap: '65000000\n',
  humidity1_input: '45500\n',
  energy1_input: '1500000\n',
  temp1_input: '-5500\n',
  temp1_crit: '95000\n',
  pwm1: '128\n',
  in9_max: '1\n',
  uevent: '',
});

describe('sensors', () => {
  it('gives each feature in its unit, with its limits', async () => {
    const readings = new Readings(sensors);
    const rows = await readings.read(new TreeHost({ files: BOARD, links: link(0, 'nct6775.656', 'platform') }));
    expect(readings.reported).toEqual([]);
    expect(cleanRows({ sensors: rows }, sensors.measurements).dropped).toBe(0);
    expect(rows.every(({ tags }) => tags?.['chip'] === 'nct6775-isa-0290')).toBe(true);
    expect(Object.fromEntries(rows.map(({ tags, fields }) => [tags?.['feature'], fields]))).toEqual({
      fan1: { fan_input: 1180, fan_min: 200, fan_alarm: 0 },
      cpu__fan: { fan_input: 0 },
      vcore: { in_input: 1.016, in_min: 0, in_max: 1.744 },
      curr1: { curr_input: 12.5 },
      power1: { power_average: 24.5, power_cap: 65 },
      humidity1: { humidity_input: 45.5 },
      energy1: { energy_input: 1.5 },
      temp1: { temp_input: -5.5, temp_crit: 95 },
    });
  });

  it('tells two features of one label, and two chips of one name, apart', async () => {
    const files = {
      ...at(0, { name: 'x', fan1_input: '1', fan1_label: 'Fan', fan2_input: '2', fan2_label: 'Fan' }),
      ...at(1, { name: 'x', fan1_input: '3' }),
    };
    const rows = await new Readings(sensors).read(new TreeHost({ files }));
    expect(rows.map(({ tags }) => [tags?.['chip'], tags?.['feature']])).toEqual([
      ['x-virtual-0', 'fan'],
      ['x-virtual-0', 'fan_fan2'],
      ['x-virtual-0-hwmon1', 'fan1'],
    ]);
  });

  it('passes over a sensor that has no reading now, reports one that is no number, and fails if none can be read', async () => {
    const asleep = new AccessError('ENODATA', 'no data');
    const readings = new Readings(sensors);
    const rows = await readings.read(
      new TreeHost({ files: at(0, { name: 'a', fan1_input: asleep, fan2_input: 'fast', fan3_input: '900', fan1_min: '5' }) }),
    );
    expect(rows).toEqual([{ tags: { chip: 'a-virtual-0', feature: 'fan3' }, fields: { fan_input: 900 } }]);
    expect(readings.reported).toMatchObject([{ code: 'parse' }]);
    await expect(new Readings(sensors).read(new TreeHost({ files: at(0, { name: 'a', fan1_input: asleep }) }))).rejects.toBe(asleep);
  });

  it('reads limits when a chip is found, and what moves each time', async () => {
    const access = new TreeHost({ files: BOARD });
    const readings = new Readings(sensors);
    const read = (path: string) => access.asked.filter((asked) => asked.endsWith(path)).length;
    await readings.read(access, 0);
    await readings.read(access, 60_000);
    expect([read('fan1_input'), read('fan1_min')]).toEqual([2, 1]);
    await readings.read(access, 3_700_000);
    expect(read('fan1_min')).toBe(2);
    Object.assign(access.files, at(1, { name: 'b', fan1_input: '7' }));
    expect((await readings.read(access, 3_700_001)).at(-1)?.tags).toEqual({ chip: 'b-virtual-0', feature: 'fan1' });
  });

  it('leaves the disks alone, unless it is told otherwise', async () => {
    const access = new TreeHost({ files: at(0, { name: 'drivetemp', temp1_input: '30000' }), links: link(0, '0:0:0:0', 'scsi') });
    expect(await sensors.probe(access, { ignore_chips: ['drivetemp-*'] })).toMatchObject({
      available: false,
      reason: 'no hardware monitor',
    });
    expect(access.asked).not.toContain('/sys/class/hwmon/hwmon0/temp1_input');
    expect(await sensors.probe(access, { ignore_chips: [] })).toEqual({ available: true });
    expect((await new Readings(sensors, { ignore_chips: [] }).read(access))[0]?.tags?.['chip']).toBe('drivetemp-scsi-0-0');
  });

  it('gives rows as declared, or one clear error, whatever became of the files', { timeout: 3_600_000 }, async () => {
    await expectSoundRows(sensors, new TreeHost({ files: BOARD, links: link(0, 'nct6775.656', 'platform') }));
  });
});

/** As `sensors` of lm-sensors 3.6 names them. */
it.each([
  ['k10temp', 'pci', '0000:00:18.3', 'k10temp-pci-00c3'],
  ['nvme', 'pci', '0000:01:00.0', 'nvme-pci-0100'],
  ['amdgpu', 'pci', '0001:03:00.0', 'amdgpu-pci-10300'],
  ['coretemp', 'platform', 'coretemp.0', 'coretemp-isa-0000'],
  ['nct6775', 'platform', 'nct6775.656', 'nct6775-isa-0290'],
  ['cpu_thermal', '', '', 'cpu_thermal-virtual-0'],
  ['acpitz', 'acpi', 'LNXTHERM:00', 'acpitz-acpi-0'],
  ['jc42', 'i2c', '0-0018', 'jc42-i2c-0-18'],
  ['drivetemp', 'scsi', '1:0:0:0', 'drivetemp-scsi-1-0'],
  ['corsaircpro', 'hid', '0003:1B1C:0C10.0001', 'corsaircpro-hid-3-1'],
  ['adt7310', 'spi', 'spi0.1', 'adt7310-spi-0-1'],
  ['pwmfan', 'platform', 'pwm-fan', 'pwmfan-isa-0000'],
])('%s on %s %s is %s', (driver, bus, device, name) => {
  expect(chipName(driver, bus, device)).toBe(name);
});

it.each([
  ['Core 0', 'core_0'],
  ['Package id 0', 'package_id_0'],
  ['Tctl', 'tctl'],
  ['SYSTIN', 'systin'],
  ['+3.3V', '+3.3v'],
  ['fanSpeed', 'fan_speed'],
])('the label "%s" is %s', (label, feature) => {
  expect(snakeCase(label)).toBe(feature);
});

it('names of any text are taken or left, and never throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('i2c', 'pci', 'scsi', 'hid', 'spi', 'acpi', 'platform', ''), (text, bus) => {
      expect(toFeatureFile(text)).toBeNull();
      expect(chipName('x', bus, text)).toMatch(/^x-[a-z0-9]+-[0-9a-f-]+$/);
      expect(typeof snakeCase(text)).toBe('string');
    }),
  );
});

const fixtures = fixturesDir();
it.skipIf(fixtures === null)('the recorded machine has the temperatures and limits that stand in its files', async () => {
  const rows = await new Readings(sensors).read(new LocalHost({ root: join(fixtures as string, 'hwmon') }));
  expect(rows.map(({ tags, fields }) => [tags?.['chip'], tags?.['feature'], fields])).toEqual([
    ['nvme-virtual-0', 'composite', { temp_input: 35.85, temp_max: 81.85, temp_min: -273.15, temp_crit: 84.85, temp_alarm: 0 }],
    ['nvme-virtual-0', 'sensor_1', { temp_input: 35.85, temp_max: 65261.85, temp_min: -273.15 }],
    ['nvme-virtual-0', 'sensor_2', { temp_input: 38.85, temp_max: 65261.85, temp_min: -273.15 }],
    ['k10temp-virtual-0', 'tctl', { temp_input: 33.25 }],
    ['k10temp-virtual-0', 'tccd1', { temp_input: 33.25 }],
  ]);
});
