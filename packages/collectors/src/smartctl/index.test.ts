import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, type ExecResult } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import { parseLines } from '@hostwire/model/line-protocol';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { expectSoundRows } from '../mutated.testkit.ts';
import { commandNeeds, isNeeded } from '../needs.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { smartctl } from './index.ts';

const SCAN = 'smartctl --scan --json';
const of = (type: string, name: string) => `smartctl --json -a -n standby -d ${type} ${name}`;
const said = (json: unknown, exitCode = 0): ExecResult => ({
  exitCode,
  stdout: typeof json === 'string' ? json : JSON.stringify(json),
  stderr: '',
});
const scanned = (...devices: [type: string, name: string][]) =>
  said({ devices: devices.map(([type, name]) => ({ name, info_name: `${name} [x]`, type, protocol: 'ATA' })) });
const options = (more = {}) => settingsOf(smartctl, { smartctl: more }).options;

/** After smartmontools 7.4, ataprint.cpp: a disk with a sector that waits to be replaced, and an attribute that fails. */
const SATA = {
  json_format_version: [1, 0],
  smartctl: { version: [7, 4], exit_status: 88 },
  device: { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
  model_family: 'Western Digital Red',
  model_name: 'WDC WD40EFRX-68N32N0',
  serial_number: 'WD-WCC7K0000001',
  wwn: { naa: 5, oui: 5358, id: 9876543210 },
  firmware_version: '82.00A82',
  user_capacity: { blocks: 7814037168, bytes: 4000787030016 },
  logical_block_size: 512,
  physical_block_size: 4096,
  rotation_rate: 5400,
  power_mode: { ata_value: 255, name: 'ACTIVE or IDLE' },
  smart_status: { passed: false },
  ata_smart_data: { self_test: { status: { value: 121, string: 'completed: read failure', passed: false } } },
  ata_smart_attributes: {
    revision: 16,
    table: [
      { id: 1, name: 'Raw_Read_Error_Rate', value: 1, worst: 1, thresh: 51, when_failed: 'now', raw: { value: 70000, string: '70000' } },
      { id: 5, name: 'Reallocated_Sector_Ct', value: 200, worst: 100, thresh: 140, when_failed: 'past', raw: { value: 12, string: '12' } },
      { id: 197, name: 'Current_Pending_Sector', value: 200, worst: 200, thresh: 0, when_failed: '', raw: { value: 8, string: '8' } },
      { id: 199, name: 'UDMA_CRC_Error_Count', value: 200, worst: 200, thresh: 0, when_failed: '', raw: { value: 3, string: '3' } },
      { id: 240, name: 'Unknown_Attribute', value: 100, worst: 253, thresh: 0, when_failed: '', raw: { value: 2 ** 47, string: '' } },
      { id: 241, name: 'Unknown_Attribute', value: 100, worst: 253, thresh: 0, when_failed: '', raw: { value: 1, string: '' } },
    ],
  },
  power_on_time: { hours: 41234 },
  power_cycle_count: 77,
  temperature: { current: 31 },
  ata_smart_error_log: { summary: { revision: 1, count: 4 } },
};
const SATA_TAGS = { name: '/dev/sda', type: 'sat', model: 'WDC WD40EFRX-68N32N0', serial: 'WD-WCC7K0000001', wwn: '50014ee24cb016ea' };

/** 7.0 to 7.3 say it in a message, later ones also as the power mode. */
const asleep = (mode: string, more = {}) => ({
  smartctl: { exit_status: 2, messages: [{ string: `Device is in ${mode} mode, exit(2)`, severity: 'information' }] },
  device: { name: '/dev/sda', info_name: '/dev/sda [SAT]', type: 'sat', protocol: 'ATA' },
  ...more,
});

describe('smartctl', () => {
  it('gives a failing SATA disk with what stands for it, and each attribute', async () => {
    const readings = new Readings(smartctl);
    const access = new TreeHost({ commands: { [SCAN]: scanned(['sat', '/dev/sda']), [of('sat', '/dev/sda')]: said(SATA, 88) } });
    const rows = await readings.readAll(access);
    expect(readings.reported).toEqual([]);
    expect(rows['smartctl']).toEqual([
      {
        tags: SATA_TAGS,
        fields: {
          health_ok: false,
          power_mode: 'ACTIVE or IDLE',
          exit_status: 88,
          attributes_failing: 1,
          temperature: 31,
          capacity: 4000787030016,
          logical_block_size: 512,
          rotation_rate: 5400,
          firmware: '82.00A82',
          power_on_hours: 41234,
          power_cycle_count: 77,
          error_count: 4,
          self_test_passed: false,
          reallocated_sectors_count: 12,
          pending_sector_count: 8,
          udma_crc_errors: 3,
        },
      },
    ]);
    expect(rows['smartctl_attributes']?.[0]).toEqual({
      tags: { ...SATA_TAGS, attribute: 'Raw_Read_Error_Rate', id: '1' },
      fields: { value: 1, worst: 1, threshold: 51, raw_value: 70000, fail: 'FAILING_NOW' },
    });
    expect(rows['smartctl_attributes']?.map(({ fields }) => fields['fail'])).toEqual(['FAILING_NOW', 'Past', '-', '-', '-', '-']);
    expect(rows['smartctl_attributes']?.at(-2)?.fields['raw_value']).toBe(2 ** 47);
    expect((await new Readings(smartctl, { attributes: false }).readAll(access))['smartctl_attributes']).toEqual([]);
  });

  it.each([
    ['STANDBY', asleep('STANDBY')],
    ['STANDBY', asleep('STANDBY', { power_mode: { ata_value: 0, name: 'STANDBY' } })],
    ['STANDBY_Y', asleep('STANDBY_Y')],
    ['SLEEP', asleep('SLEEP')],
  ])('does not wake a disk in %s, and gives its power mode alone', async (mode, answer) => {
    const readings = new Readings(smartctl);
    const commands: Record<string, ExecResult> = { [SCAN]: scanned(['sat', '/dev/sda']), [of('sat', '/dev/sda')]: said(answer, 2) };
    const access = new TreeHost({ commands });
    expect(await readings.readAll(access)).toEqual({
      smartctl: [{ tags: { name: '/dev/sda', type: 'sat' }, fields: { power_mode: mode } }],
      smartctl_attributes: [],
      smartctl_scsi_error_counter_log: [],
    });
    expect(readings.reported).toEqual([]);
    // Every command line says -n standby and the type, without which smartctl wakes the disk to find it out.
    expect(access.asked.filter((line) => line.startsWith('smartctl --json'))).toEqual([of('sat', '/dev/sda')]);
  });

  it('knows who a disk is that was awake before', async () => {
    const readings = new Readings(smartctl);
    const commands: Record<string, ExecResult> = { [SCAN]: scanned(['sat', '/dev/sda']), [of('sat', '/dev/sda')]: said(SATA) };
    const access = new TreeHost({ commands });
    await readings.read(access);
    commands[of('sat', '/dev/sda')] = said(asleep('STANDBY'), 2);
    expect(await readings.read(access)).toEqual([{ tags: SATA_TAGS, fields: { power_mode: 'STANDBY' } }]);
  });

  it('asks what is behind a RAID controller, and passes over the volume in front of it', async () => {
    const readings = new Readings(smartctl);
    const refused = "Smartctl open device: /dev/sda failed: DELL or MegaRaid controller, please try adding '-d megaraid,N'";
    const member = { ...SATA, device: { name: '/dev/bus/0', type: 'sat+megaraid,8', protocol: 'ATA' }, smart_status: { passed: true } };
    const access = new TreeHost({
      commands: {
        [SCAN]: scanned(['scsi', '/dev/sda'], ['megaraid,8', '/dev/bus/0'], ['cciss,1', '/dev/sg0']),
        [of('scsi', '/dev/sda')]: said({ smartctl: { exit_status: 2, messages: [{ string: refused, severity: 'error' }] } }, 2),
        [of('megaraid,8', '/dev/bus/0')]: said(member),
        [of('cciss,1', '/dev/sg0')]: said({ smartctl: { exit_status: 2, messages: [{ string: 'No such device', severity: 'error' }] } }, 2),
        [of('areca,1/2', '/dev/sg2')]: said({ ...member, device: { name: '/dev/sg2', type: 'areca,1/2' } }),
      },
    });
    const rows = await new Readings(smartctl, { devices: ['/dev/sg2 areca,1/2'], ignore: ['/dev/sg0'] }).read(access);
    expect(rows.map(({ tags, fields }) => [tags?.['name'], tags?.['type'], fields['health_ok']])).toEqual([
      ['/dev/bus/0', 'sat+megaraid,8', true],
      ['/dev/sg2', 'areca,1/2', true],
    ]);
    await readings.read(access);
    expect(readings.reported).toMatchObject([{ code: 'smartctl', message: expect.stringContaining('/dev/sg0 (cciss,1): No such device') }]);
  });

  it('reports a disk that does not answer, and gives the others', async () => {
    const readings = new Readings(smartctl);
    const access = new TreeHost({
      commands: {
        [SCAN]: scanned(['sat', '/dev/sda'], ['sat', '/dev/sdb'], ['sat', '/dev/sdc']),
        [of('sat', '/dev/sda')]: said(SATA),
        [of('sat', '/dev/sdb')]: new AccessError('timeout', 'smartctl: no answer in 9000 ms'),
        [of('sat', '/dev/sdc')]: said('smartctl 6.6 2016-05-31 r4324\nSmartctl: UNRECOGNIZED OPTION: json'),
      },
    });
    expect(await readings.read(access)).toHaveLength(1);
    expect(readings.reported).toMatchObject([{ code: 'timeout' }, { code: 'parse', message: expect.stringContaining('7.0') }]);
  });

  it('scans again only when disks come or go, or after hours', async () => {
    const access = new TreeHost({
      files: { '/sys/block/sda/size': '1', '/sys/block/loop0/size': '1' },
      commands: { [SCAN]: scanned(['sat', '/dev/sda']), [of('sat', '/dev/sda')]: said(SATA) },
    });
    const readings = new Readings(smartctl);
    const scans = () => access.asked.filter((line) => line === SCAN).length;
    await readings.read(access, 0);
    await readings.read(access, 1_800_000);
    Object.assign(access.files, { '/sys/block/loop1/size': '1' });
    await readings.read(access, 2_000_000);
    expect(scans()).toBe(1);
    Object.assign(access.files, { '/sys/block/sdb/size': '1' });
    await readings.read(access, 3_600_000);
    expect(scans()).toBe(2);
    await readings.read(access, 3_600_000 + 7 * 3_600_000);
    expect(scans()).toBe(3);
  });

  it('is available where it finds a disk and may be root, and says how it can be', async () => {
    const probe = (result?: ExecResult | AccessError, more = {}) =>
      smartctl.probe(new TreeHost({ commands: result === undefined ? {} : { [SCAN]: result } }), options(more));
    expect(await probe(scanned(['nvme', '/dev/nvme0']))).toEqual({ available: true });
    expect(await probe(said({ smartctl: { exit_status: 0 } }))).toEqual({ available: false, reason: 'smartctl finds no disk' });
    expect(await probe(said({}), { devices: ['/dev/sg2 areca,1'] })).toEqual({ available: true });
    expect(await probe()).toMatchObject({ reason: 'smartctl is not installed', hint: 'apt install smartmontools' });
    expect(await probe(new AccessError('EACCES', 'smartctl: needs root'))).toMatchObject({ available: false, hint: /doctor --sudoers/ });
  });

  it('declares each command line that it runs, and none that is more', () => {
    const needs = commandNeeds(smartctl, options({ devices: ['/dev/disk/by-id/usb-x jmb39x,0'] }));
    const isDeclared = (line: string) => needs.some((need) => isNeeded(need, line.split(' '), true));
    for (const line of [
      SCAN,
      of('sat', '/dev/sda'),
      of('nvme', '/dev/nvme10'),
      of('megaraid,8', '/dev/bus/0'),
      of('sat+megaraid,31', '/dev/bus/2'),
      of('cciss,0', '/dev/cciss/c0d0'),
      of('areca,3/1', '/dev/sg4'),
      of('sntjmicron,0x1', '/dev/sdb'),
      of('jmb39x,0', '/dev/disk/by-id/usb-x'),
    ])
      expect(line).toSatisfy(isDeclared);
    for (const line of [
      of('sat', '/dev/../etc/shadow'),
      of('sat', '/dev/disk/by-id/other'),
      `${of('sat', '/dev/sda')} -t long`,
      'smartctl --json -s off -n standby -d sat /dev/sda',
      'smartctl --json -a -n never -d sat /dev/sda',
      of('--smart=off', '/dev/sda'),
    ])
      expect(line).not.toSatisfy(isDeclared);
  });

  it('takes only devices with their type as an option', () => {
    expect(() => options({ devices: ['/dev/sda'] })).toThrow(/devices/);
    expect(() => options({ devices: ['/dev/sda sat --smart=off'] })).toThrow(/devices/);
    expect(() => options({ devices: ['../sda sat'] })).toThrow(/devices/);
  });
});

const NVME = {
  smartctl: { exit_status: 0 },
  device: { name: '/dev/nvme0', type: 'nvme', protocol: 'NVMe' },
  smart_status: { passed: true },
  nvme_smart_health_information_log: {
    critical_warning: 0,
    temperature: 40,
    available_spare: 100,
    data_units_read: 18446744073709552000,
    data_units_read_s: '18446744073709551617',
    host_reads: 9007199254740994,
    host_reads_s: '9007199254740993',
  },
  nvme_self_test_log: { table: [{ self_test_code: { value: 1 }, self_test_result: { value: 0 } }] },
};

it('keeps integers beyond 2^53 exact, and clips what no store can hold', async () => {
  const access = new TreeHost({ commands: { [SCAN]: scanned(['nvme', '/dev/nvme0']), [of('nvme', '/dev/nvme0')]: said(NVME) } });
  const [row] = await new Readings(smartctl).read(access);
  expect(row?.fields).toMatchObject({ data_units_read: 2n ** 63n - 1n, host_reads: 9007199254740993n, self_test_passed: true });
});

it('gives rows as declared, or one clear error, whatever became of the answers', { timeout: 3_600_000 }, async () => {
  const commands = {
    [SCAN]: scanned(['sat', '/dev/sda'], ['nvme', '/dev/nvme0']),
    [of('sat', '/dev/sda')]: said(SATA),
    [of('nvme', '/dev/nvme0')]: said(NVME),
  };
  await expectSoundRows(smartctl, new TreeHost({ commands }));
});

const fixtures = fixturesDir();
describe.skipIf(fixtures === null)('recorded disks', () => {
  const folder = join(fixtures ?? '', 'smartctl');
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');

  /** Fields that Telegraf does not write. */
  const OURS =
    /^(exit_status|power_mode|power_cycle_count|endurance_used|error_count|self_test_passed|attributes_failing|scsi_grown_defect_list)$/;
  const points = (rows: Record<string, readonly Row[]>) =>
    Object.entries(rows).flatMap(([measurement, list]) =>
      list.map(({ tags = {}, fields }) => ({
        measurement,
        tags,
        fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !OURS.test(name))),
      })),
    );

  it.each([
    ['nvme', {}],
    ['scsi', { firmware: 'RSL5' }],
  ])('%s: the points that Telegraf writes for it, after the mapping of the README', async (name, mapped) => {
    const [device = '', type = ''] = [text(`${name}/device`).trim(), text(`${name}/deviceType`).trim()];
    const access = new TreeHost({ commands: { [SCAN]: scanned([type, device]), [of(type, device)]: said(text(`${name}/response.json`)) } });
    const expected = parseLines(text(`${name}/expected.out`), 'ns', 0).points.map(({ point: { measurement, tags, fields } }) => ({
      measurement,
      tags,
      fields: {
        ...fields,
        ...(Object.hasOwn(fields, 'firmware') ? mapped : {}),
        ...(typeof fields['gigabytes_processed'] === 'string' ? { gigabytes_processed: Number(fields['gigabytes_processed']) } : {}),
      },
    }));
    expect(expected.length).toBeGreaterThan(0);
    expect(points(await new Readings(smartctl).readAll(access))).toEqual(expected);
  });

  it('scan: the disks that stand there', async () => {
    const access = new TreeHost({ commands: { [SCAN]: said(text('scan/response.json')) } });
    await new Readings(smartctl).read(access);
    expect(access.asked.filter((line) => line.startsWith('smartctl --json'))).toEqual([
      of('sat', '/dev/sda'),
      of('nvme', '/dev/nvme0'),
      of('nvme', '/dev/nvme1'),
    ]);
  });
});
