import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { mdstat } from './index.ts';
import { parseMdstat } from './parse.ts';

const host = (text: string | AccessError) => new TreeHost({ files: { '/proc/mdstat': text } });
const HEAD = 'Personalities : [raid1] [raid6] [raid5] [raid4]\n';
const TAIL = '\nunused devices: <none>\n';
const fieldsOf = (body: string) => parseMdstat(`${HEAD}${body}${TAIL}`)[0]?.fields;

describe('mdstat', () => {
  it('gives a row per array, with its state as a field', async () => {
    const text = `${HEAD}md0 : active raid1 sdb1[1] sda1[0]\n      248896 blocks [2/2] [UU]\n${TAIL}`;
    expect(await new Readings(mdstat).read(host(text))).toEqual([
      {
        tags: { Name: 'md0' },
        fields: {
          ActivityState: 'active',
          Level: 'raid1',
          Devices: 'sda1,sdb1',
          BlocksTotal: 248896,
          BlocksSynced: 248896,
          BlocksSyncedPct: 0,
          BlocksSyncedFinishTime: 0,
          BlocksSyncedSpeed: 0,
          DisksActive: 2,
          DisksTotal: 2,
          DisksDown: 0,
          DisksFailed: 0,
          DisksSpare: 0,
        },
      },
    ]);
  });

  it('tells a degraded array by the members that are missing, also those that are not listed any more', () => {
    expect(fieldsOf('md7 : active raid6 sdb1[0] sde1[3]\n      100 blocks super 1.2 level 6, 512k chunk [4/2] [U__U]\n')).toMatchObject({
      DisksActive: 2,
      DisksTotal: 4,
      DisksDown: 2,
      DisksFailed: 0,
    });
  });

  it('tells what an array is busy with, behind a bitmap or a wait too', () => {
    const busy = (line: string) =>
      fieldsOf(
        `md1 : active raid5 sda[0] sdb[1] sdc[3]\n      300 blocks [3/3] [UUU]\n      bitmap: 0/30 pages [0KB], 65536KB chunk\n      ${line}\n`,
      );
    expect(busy('[==>..]  reshape = 12.6% (38/300) finish=0.1min speed=9K/sec')).toMatchObject({
      ActivityState: 'reshaping',
      BlocksSynced: 38,
      BlocksSyncedPct: 12.6,
      BlocksSyncedFinishTime: 0.1,
      BlocksSyncedSpeed: 9,
    });
    expect(busy('[=>...]  repair =  1.0% (3/300) finish=2.5min speed=1K/sec')?.['ActivityState']).toBe('repairing');
    expect(busy('recovery=DELAYED')).toMatchObject({ ActivityState: 'recovering', BlocksSynced: 0 });
    expect(busy('resync=PENDING')).toMatchObject({ ActivityState: 'resyncing', BlocksSynced: 0 });
  });

  it('counts journals and write-mostly members as members, and no disks of an array of another kind without a count', () => {
    expect(fieldsOf('md2 : active raid1 sdc[2](J) sdb[1](W) sda[0](W)(F)\n      9 blocks [2/1] [_U]\n')).toMatchObject({
      Devices: 'sda,sdb,sdc',
      DisksFailed: 1,
      DisksSpare: 0,
    });
    expect(fieldsOf('md3 : active faulty sda[0]\n      9 blocks nfaults=0\n')).not.toHaveProperty('DisksTotal');
  });

  it('is available where there is an array', async () => {
    const one = `${HEAD}md0 : active raid0 sda[0]\n      8 blocks 64k chunks\n${TAIL}`;
    expect(await mdstat.probe(host(one), {})).toEqual({ available: true });
    expect(await mdstat.probe(host(HEAD + TAIL), {})).toEqual({ available: false, reason: 'no software RAID array' });
    expect(await mdstat.probe(host(new AccessError('ENOENT', 'none')), {})).toMatchObject({ available: false });
    await expect(mdstat.probe(host(new AccessError('EIO', 'broken')), {})).rejects.toMatchObject({ code: 'EIO' });
  });

  it.each([
    ['an activity of no kind', 'md0 : asleep raid1 sda[0]\n      9 blocks [2/1] [_U]\n'],
    ['no size', 'md0 : active raid1 sda[0]\n      many blocks [2/1] [_U]\n'],
    ['nothing below it', 'md0 : active raid1 sda[0]\n'],
  ])('refuses %s', (_, body) => {
    expect(() => fieldsOf(body)).toThrow(expect.objectContaining({ code: 'parse' }));
  });
});

it('gives rows as declared, or one clear error, whatever became of the file', { timeout: 3_600_000 }, async () => {
  const text = [
    `${HEAD}md6 : active (auto-read-only) raid1 sdb2[2](F) sdc[1](S) sda2[0]`,
    '      195310144 blocks super 1.2 [2/1] [U_]',
    '      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec',
    '',
    'md10 : active raid0 sda1[0] sdb1[1]',
    '      314159265 blocks 64k chunks',
    '',
    'md11 : inactive sdb[1](S)',
    `      7932 blocks super external:imsm${TAIL}`,
  ].join('\n');
  await expectSoundRows(mdstat, host(text));
});

const folder = fixturesDir();
describe.skipIf(folder === null)('the recorded server of many arrays', () => {
  const read = () =>
    new Map(parseMdstat(readFileSync(join(folder as string, 'proc', 'mdstat'), 'utf8')).map(({ name, fields }) => [name, fields]));
  /** Activity, level, devices, blocks, active, total, down, failed, spare; then blocks synced, percent, minutes, KiB/s if they are not those of an idle one. */
  it.each([
    ['md3', 'active', 'raid6', 'sda1,sdb1,sdc1,sdd1,sdd1,sdd2,sde1,sdf1,sdg1,sdh1', 5853468288, 8, 8, 0, 0, 2],
    ['md127', 'active', 'raid1', 'sdi2,sdj2', 312319552, 2, 2, 0, 0, 0],
    ['md0', 'active', 'raid1', 'sdi1,sdj1', 248896, 2, 2, 0, 0, 0],
    ['md4', 'inactive', 'raid1', 'sda3,sdb3', 4883648, 0, 0, 0, 1, 1],
    ['md6', 'recovering', 'raid1', 'sda2,sdb2,sdc', 195310144, 1, 2, 1, 1, 1, 16775552, 8.5, 17, 259783],
    ['md8', 'resyncing', 'raid1', 'sda1,sdb1,sdc,sde', 195310144, 2, 2, 0, 0, 2, 16775552, 8.5, 17, 259783],
    ['md201', 'checking', 'raid1', 'sda3,sdb3', 1993728, 2, 2, 0, 0, 0, 114176, 5.7, 0.2, 114176],
    ['md7', 'active', 'raid6', 'sdb1,sdc1,sdd1,sde1', 7813735424, 3, 4, 1, 1, 0],
    ['md9', 'resyncing', 'raid1', 'sda2,sdb2,sdc2,sdd2,sde,sdf,sdg', 523968, 4, 4, 0, 2, 1, 0, 0, 0, 0],
    ['md10', 'active', 'raid0', 'sda1,sdb1', 314159265, 2, 2, 0, 0, 0],
    ['md11', 'resyncing', 'raid1', 'hda,sdb2,sdc2,sdc3,ssdc2', 4190208, 2, 2, 0, 1, 2, 0, 0, 0, 0],
    ['md12', 'active', 'raid0', 'sdc2,sdd2', 3886394368, 2, 2, 0, 0, 0],
    ['md126', 'active', 'raid0', 'sdb,sdc', 1855870976, 2, 2, 0, 0, 0],
    ['md219', 'inactive', '', 'sda,sdb,sdc', 7932, 0, 0, 0, 0, 3],
    ['md00', 'active', 'raid0', 'xvdb', 4186624, 1, 1, 0, 0, 0],
    ['md120', 'active', 'linear', 'sda1,sdb1', 2095104, 2, 2, 0, 0, 0],
    ['md101', 'active', 'raid0', 'sdb,sdc,sdd', 322560, 3, 3, 0, 0, 0],
  ])(
    'has the values of %s',
    (name, activity, level, devices, blocks, active, total, down, failed, spare, synced = blocks, percent = 0, minutes = 0, speed = 0) => {
      const { ReadOnly: _readOnly, ...fields } = read().get(name) ?? {};
      expect(fields).toEqual({
        ActivityState: activity,
        Level: level,
        Devices: devices,
        BlocksTotal: blocks,
        DisksActive: active,
        DisksTotal: total,
        DisksDown: down,
        DisksFailed: failed,
        DisksSpare: spare,
        BlocksSynced: synced,
        BlocksSyncedPct: percent,
        BlocksSyncedFinishTime: minutes,
        BlocksSyncedSpeed: speed,
      });
    },
  );

  it('has these arrays and no other, two of which may not be written to', () => {
    const arrays = read();
    expect(arrays.size).toBe(17);
    expect(arrays.get('md11')?.['ReadOnly']).toBe('auto-read-only');
    expect(arrays.get('md101')?.['ReadOnly']).toBe('read-only');
  });
});
