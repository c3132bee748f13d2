import { spawnSync } from 'node:child_process';
import { AccessError, type FileSystemStat, LocalHost } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { disk } from './index.ts';
import { diskFields, parseMountinfo } from './parse.ts';

const STAT: FileSystemStat = { blockSize: 4096, blocks: 1000, blocksFree: 400, blocksAvailable: 350, files: 200, filesFree: 150 };
const never = new Promise<FileSystemStat>(() => {});

let id = 20;
const mount = (device: string, path: string, fstype: string, source: string, { root = '/', options = 'rw,relatime' } = {}) =>
  `${id++} 1 ${device} ${root} ${path} ${options} shared:1 master:2 - ${fstype} ${source} rw\n`;
const host = (lines: string[], mounts: TreeHost['mounts'], links = {}, files = {}) =>
  new TreeHost({ files: { '/proc/1/mountinfo': lines.join(''), ...files }, mounts, links });
const paths = (rows: readonly { tags?: Readonly<Record<string, string>> }[]) => rows.map(({ tags }) => tags?.['path']);

describe('disk', () => {
  it('gives rows as declared, or one clear error, whatever became of the list of mounts', { timeout: 3_600_000 }, async () => {
    const lines = [
      mount('8:1', '/', 'ext4', '/dev/sda1'),
      mount('253:0', '/srv', 'xfs', '/dev/mapper/vg-srv'),
      mount('0:50', '/mnt/nfs', 'nfs4', 'nas:/srv'),
    ];
    await expectSoundRows(disk, host(lines, { '/': STAT, '/srv': STAT, '/mnt/nfs': { ...STAT, files: 0, filesFree: 0 } }));
  });

  it('gives sizes in bytes, and percentages of what users may use', async () => {
    const rows = await new Readings(disk).read(host([mount('8:1', '/', 'ext4', '/dev/sda1')], { '/': STAT }));
    expect(rows).toEqual([
      {
        tags: { path: '/', device: 'sda1', fstype: 'ext4', mode: 'rw', label: '' },
        fields: {
          total: 4_096_000,
          free: 350 * 4096,
          used: 600 * 4096,
          used_percent: (100 * 600) / 950,
          inodes_total: 200,
          inodes_free: 150,
          inodes_used: 50,
          inodes_used_percent: 25,
          hung: false,
        },
      },
    ]);
  });

  it('reports each file system once, at the shortest mount of its root', async () => {
    const lines = [
      mount('8:2', '/var/lib/bind', 'ext4', '/dev/sda2', { root: '/lib' }),
      mount('8:2', '/srv/storage', 'ext4', '/dev/sda2'),
      mount('8:2', '/data', 'ext4', '/dev/sda2', { options: 'ro,relatime' }),
      mount('0:30', '/', 'btrfs', '/dev/sdb', { root: '/@' }),
      mount('0:30', '/home', 'btrfs', '/dev/sdb', { root: '/@home' }),
    ];
    const rows = await new Readings(disk).read(host(lines, { '/data': STAT, '/': STAT }));
    expect(paths(rows)).toEqual(['/data', '/']);
    expect(rows[0]?.tags?.['mode']).toBe('ro');
  });

  it('leaves out what holds no files, what is hidden by a later mount, what has no size, and what it is told to', async () => {
    const lines = [
      mount('0:5', '/proc', 'proc', 'proc'),
      mount('0:6', '/run', 'tmpfs', 'tmpfs'),
      mount('0:7', '/sys/fs/cgroup', 'cgroup2', 'cgroup2'),
      mount('0:8', '/nfs', 'autofs', 'systemd-1'),
      mount('8:3', '/mnt', 'ext4', '/dev/sda3'),
      mount('8:4', '/mnt', 'xfs', '/dev/sda4'),
      mount('0:9', '/empty', 'fuse.thing', 'thing'),
    ];
    const access = host(lines, { '/mnt': STAT, '/empty': { ...STAT, blocks: 0 }, '/run': STAT, '/proc': STAT });
    expect((await new Readings(disk).read(access)).map(({ tags }) => tags?.['fstype'])).toEqual(['xfs']);
    expect(paths(await new Readings(disk, { ignore_fs: ['xfs'] }).read(access))).toEqual(['/run']);
  });

  it('names device-mapper volumes and /dev/root as the kernel does, with their label', async () => {
    const lines = [mount('253:1', '/', 'ext4', '/dev/mapper/vg-root'), mount('179:2', '/boot', 'vfat', '/dev/root')];
    const links = { '/sys/dev/block/253:1': '../../devices/virtual/block/dm-1', '/sys/dev/block/179:2': '../../devices/mmc/mmcblk0p2' };
    const rows = await new Readings(disk).read(
      host(lines, { '/': STAT, '/boot': STAT }, links, { '/sys/block/dm-1/dm/name': 'vg-root\n' }),
    );
    expect(rows.map(({ tags }) => [tags?.['device'], tags?.['label']])).toEqual([
      ['dm-1', 'vg-root'],
      ['mmcblk0p2', ''],
    ]);
  });

  it('reports a mount that hangs and gives the others; of those that may hang no second is asked', async () => {
    const lines = [
      mount('0:40', '/nas', 'nfs4', 'nas:/export'),
      mount('0:41', '/nas2', 'nfs4', 'nas:/export2'),
      mount('8:5', '/broken', 'ext4', '/dev/sdc1'),
      mount('8:1', '/', 'ext4', '/dev/sda1'),
    ];
    const access = host(lines, { '/': STAT, '/nas': never, '/nas2': never, '/broken': never });
    const readings = new Readings(disk, { mount_timeout_seconds: 0.05 });
    const rows = await readings.read(access);
    expect(rows.map(({ tags, fields }) => [tags?.['path'], fields['hung']])).toEqual([
      ['/', false],
      ['/broken', true],
      ['/nas', true],
    ]);
    expect(rows[2]).toEqual({
      tags: { path: '/nas', device: 'nas:/export', fstype: 'nfs4', mode: 'rw', label: '' },
      fields: { hung: true },
    });
    expect(readings.reported).toMatchObject([
      { code: 'timeout', message: expect.stringContaining('/broken') },
      { code: 'timeout', message: expect.stringContaining('/nas: nas:/export does not answer') },
    ]);
    expect(access.asked).not.toContain('statfs /nas2');
  });

  it('asks no more after the second local mount that hangs', async () => {
    const lines = ['/a', '/b', '/c'].map((path, n) => mount(`8:${n}`, path, 'ext4', `/dev/sd${n}`));
    const access = host(lines, { '/a': never, '/b': never, '/c': STAT });
    const readings = new Readings(disk, { mount_timeout_seconds: 0.05 });
    const rows = await readings.read(access);
    expect(rows.map(({ tags, fields }) => [tags?.['path'], fields])).toEqual([
      ['/a', { hung: true }],
      ['/b', { hung: true }],
    ]);
    expect(readings.reported).toHaveLength(2);
  });

  it('says once of a mount that hung that it is unmounted now, and of one that answers again that it does', async () => {
    const [nas, root] = [mount('0:40', '/nas', 'nfs4', 'nas:/export'), mount('8:1', '/', 'ext4', '/dev/sda1')];
    const access = host([nas, root], { '/': STAT, '/nas': never });
    const readings = new Readings(disk, { mount_timeout_seconds: 0.05 });
    const read = async () => (await readings.read(access)).map(({ tags, fields }) => [tags?.['path'], fields['hung'], 'total' in fields]);
    const mountNow = (...lines: string[]) => Object.assign(access.files, { '/proc/1/mountinfo': lines.join('') });
    expect(await read()).toEqual([
      ['/', false, true],
      ['/nas', true, false],
    ]);
    mountNow(root);
    expect(await read()).toEqual([
      ['/', false, true],
      ['/nas', false, false],
    ]);
    expect(await read()).toEqual([['/', false, true]]);
    mountNow(nas, root);
    await read();
    Object.assign(access.mounts, { '/nas': STAT });
    expect(await read()).toEqual([
      ['/', false, true],
      ['/nas', false, true],
    ]);
    mountNow(root);
    expect(await read()).toEqual([['/', false, true]]);
  });

  it('reports a mount that may not be looked at, passes over one that is not here, and gives the others', async () => {
    const lines = [
      mount('8:9', '/closed', 'ext4', '/dev/sdd1'),
      mount('8:8', '/elsewhere', 'ext4', '/dev/sdd2'),
      mount('8:1', '/', 'ext4', '/dev/sda1'),
    ];
    const readings = new Readings(disk);
    const rows = await readings.read(host(lines, { '/': STAT, '/closed': new AccessError('EACCES', '/closed: permission denied') }));
    expect(paths(rows)).toEqual(['/']);
    expect(readings.reported).toMatchObject([{ code: 'EACCES' }]);
  });
});

it('mount points of any characters come out as they are', () => {
  const octal = (text: string) => text.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: fc.constantFrom(' ', '\t', '\n', '\\', '-', '0', '4', 'a', '\u00e9', '/') }), (path) => {
      const [parsed] = parseMountinfo(`22 27 0:21 / ${octal(path)} rw - ext4 ${octal(path)} rw\n`);
      expect(parsed).toMatchObject({ path, source: path, fstype: 'ext4' });
    }),
  );
});

it('a file system without inodes of its own, or with more free than it has, gives no nonsense', () => {
  expect(diskFields({ ...STAT, files: 0, filesFree: 0 })).toMatchObject({ inodes_total: 0, inodes_used_percent: 0 });
  expect(diskFields({ ...STAT, blocksFree: 2000, blocksAvailable: 0 })).toMatchObject({ used: 0, used_percent: 0 });
});

it.skipIf(process.platform !== 'linux')('agrees with df of this machine', async () => {
  const rows = await new Readings(disk, { ignore_fs: [] }).read(new LocalHost());
  const df = spawnSync('df', ['-B1', '--output=target,size'], { encoding: 'utf8' }).stdout.trim().split('\n').slice(1);
  const sizes = new Map(df.map((line) => [line.slice(0, line.lastIndexOf(' ')).trim(), Number(line.slice(line.lastIndexOf(' ') + 1))]));
  const shared = rows.filter(({ tags }) => sizes.has(tags?.['path'] ?? ''));
  expect(shared.length).toBeGreaterThan(0);
  for (const { tags, fields } of shared)
    expect([tags?.['path'], fields['total']]).toEqual([tags?.['path'], sizes.get(tags?.['path'] ?? '')]);
});
