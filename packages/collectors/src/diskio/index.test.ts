import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { diskio } from './index.ts';

const disks = (...lines: string[]) => new TreeHost({ files: { '/proc/diskstats': `${lines.join('\n')}\n` } });

describe('diskio', () => {
  it('has only counters at the first reading, then waiting time and utilisation', async () => {
    const readings = new Readings(diskio);
    const [first] = await readings.read(disks(' 8 0 sda 100 1 800 50 200 2 1600 70 1 300 400 9 9 9 9 9 9'), 5000);
    expect(first).toEqual({
      tags: { name: 'sda' },
      fields: {
        reads: 100,
        merged_reads: 1,
        read_bytes: 800 * 512,
        read_time: 50,
        writes: 200,
        merged_writes: 2,
        write_bytes: 1600 * 512,
        write_time: 70,
        iops_in_progress: 1,
        io_time: 300,
        weighted_io_time: 400,
      },
    });
    const [second] = await readings.read(disks(' 8 0 sda 110 1 800 150 230 2 1600 170 1 800 400'), 7000);
    // 40 requests took 200 ms; the disk was busy for 500 of 2000 ms.
    expect(second?.fields).toMatchObject({ io_await: 5, io_svctm: 12.5, io_util: 25 });
  });

  it('says nothing of the time per request when there was none', async () => {
    const readings = new Readings(diskio);
    await readings.read(disks('8 0 sda 1 0 8 5 2 0 8 5 0 10 10'), 0);
    const [row] = await readings.read(disks('8 0 sda 1 0 8 5 2 0 8 5 0 10 10'), 1000);
    expect(row?.fields).toMatchObject({ io_util: 0 });
    expect(row?.fields).not.toHaveProperty('io_await');
  });

  it.each([
    ['the device went away and came back', '8 0 sda 0 0 0 0 1 0 8 1 0 1 1', 1000],
    ['no time passed', '8 0 sda 9 0 8 9 9 0 8 9 0 90 90', 0],
  ])('has no rates when %s', async (_, line, monotonic) => {
    const readings = new Readings(diskio);
    await readings.read(disks('8 0 sda 5 0 8 5 5 0 8 5 0 50 50'), 0);
    const [row] = await readings.read(disks(line), monotonic);
    expect(Object.keys(row?.fields ?? {}).filter((name) => /io_(util|await|svctm)/.test(name))).toEqual([]);
  });

  it('is never busy for more than all the time', async () => {
    const readings = new Readings(diskio);
    await readings.read(disks('8 0 sda 5 0 8 5 5 0 8 5 0 50 50'), 0);
    const [row] = await readings.read(disks('8 0 sda 5 0 8 5 5 0 8 5 0 1060 50'), 1000);
    expect(row?.fields['io_util']).toBe(100);
  });

  it('reports the devices that are asked for', async () => {
    const lines = ['8 0 sda 1 0 0 0 0 0 0 0 0 0 0', '8 1 sda1 1 0 0 0 0 0 0 0 0 0 0', '7 0 loop0 1 0 0 0 0 0 0 0 0 0 0'];
    const rows = await new Readings(diskio, { devices: ['sd*'], ignore_devices: ['*1'] }).read(disks(...lines));
    expect(rows.map(({ tags }) => tags?.['name'])).toEqual(['sda']);
  });
});

describe.skipIf(fixturesDir() === null)('diskio of the recorded server', () => {
  it('has the values that stand there, without RAM disks and unused loop devices', async () => {
    const rows = await new Readings(diskio).read(new LocalHost({ root: fixturesDir() as string }));
    const byName = new Map(rows.map(({ tags, fields }) => [tags?.['name'], fields]));
    expect([...byName.keys()].join(' ')).toBe(
      'sda sda1 sda2 sda3 sda4 dm-0 dm-1 dm-2 dm-3 dm-4 dm-5 mmcblk0 mmcblk0p1 mmcblk0p2 fd0 vda vda1 vda2 sr0 ' +
        'nvme0n1 nvme0n1p1 nvme0n1p2 sdb sdb1 sdb2 sdc sdc1',
    );
    expect(byName.get('sda')).toEqual({
      reads: 25_354_637,
      merged_reads: 34_367_663,
      read_bytes: 1_003_346_126 * 512,
      read_time: 18_492_372,
      writes: 28_444_756,
      merged_writes: 11_134_226,
      write_bytes: 505_697_032 * 512,
      write_time: 63_877_960,
      iops_in_progress: 0,
      io_time: 9_653_880,
      weighted_io_time: 82_621_804,
    });
    // Lines of later kernels have columns of discards and flushes too.
    expect(byName.get('sdc')).toMatchObject({ reads: 126_552, weighted_io_time: 17_070 });
  });
});
