import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, type HostAccess, LocalHost } from '@hostwire/host-access';
import { parseLines } from '@hostwire/model/line-protocol';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { cleanRows } from '../clean-rows.ts';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { zfs } from './index.ts';

const ROOT = '/proc/spl/kstat/zfs';
const kstat = (...lines: string[]) => ['9 1 0x01 3 816 100 200', 'name                            type data', ...lines, ''].join('\n');
const host = (files: Record<string, string | AccessError>) =>
  new TreeHost({ files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`${ROOT}/${name}`, text])) });

describe('zfs', () => {
  it('prefixes a key with its file, but for those that say it themselves', async () => {
    const files = { arcstats: kstat('size 4 1024', 'hits 4 7'), dmu_tx: kstat('dmu_tx_assigned 4 9'), fm: kstat('erpt-dropped 4 1') };
    expect(await new Readings(zfs).read(host(files))).toEqual([
      { tags: { pools: '' }, fields: { arcstats_size: 1024, arcstats_hits: 7, dmu_tx_assigned: 9, 'fm_erpt-dropped': 1 } },
    ]);
  });

  it('takes a gauge that fell below zero for what it is, and keeps 64 bits exact', async () => {
    const arcstats = kstat('memory_available_bytes 3 -4096', 'size 4 18446744073709551615', 'hits 4 9007199254740993');
    const [row] = await new Readings(zfs).read(host({ arcstats }));
    expect(row?.fields).toEqual({ arcstats_memory_available_bytes: -4096, arcstats_size: -1, arcstats_hits: 9007199254740993n });
  });

  it('leaves out what is not declared, and reports a file that is no kstat', async () => {
    const readings = new Readings(zfs);
    const [row] = await readings.read(host({ arcstats: kstat('of_the_future 4 1', 'size 4 5'), zil: 'nothing\n', simd: 'x' }));
    expect(row?.fields).toEqual({ arcstats_size: 5 });
    expect(readings.reported).toMatchObject([{ code: 'parse', message: expect.stringContaining('zil') }]);
  });

  it('gives each pool with its health, and each dataset', async () => {
    const files = {
      arcstats: kstat(),
      'tank/state': 'DEGRADED\n',
      'tank/objset-0x36': kstat('dataset_name 7 tank/my data', 'reads 4 3', 'of_the_future 4 1'),
      'tank/objset-0x37': kstat('dataset_name 7 tank/docker/1', 'reads 4 3'),
      'tank/objset-0x38': new AccessError('ENOENT', 'unmounted'),
      'tank/txgs': 'x',
    };
    const own = { tags: { pool: 'tank' }, fields: { health: 'DEGRADED' } };
    const data = { tags: { pool: 'tank', dataset: 'tank/my data' }, fields: { reads: 3 } };
    expect(await new Readings(zfs, { ignore_datasets: ['tank/docker/*'] }).read(host(files), 0, 'zfs_pool')).toEqual([own, data]);
    expect(await new Readings(zfs, { datasets: false }).read(host(files), 0, 'zfs_pool')).toEqual([own]);
  });

  it('is available where the module is', async () => {
    const options = { datasets: true, ignore_datasets: [] };
    expect(await zfs.probe(host({ arcstats: kstat() }), options)).toEqual({ available: true });
    expect(await zfs.probe(new TreeHost(), options)).toEqual({ available: false, reason: 'no ZFS module in this kernel' });
  });
});

it('gives rows as declared, or one clear error, whatever became of the files', { timeout: 3_600_000 }, async () => {
  const files = {
    arcstats: kstat('hits 4 33266704081', 'size 4 14960038920', 'memory_available_bytes 3 -397'),
    zil: kstat('zil_commit_count 4 52922839'),
    'tank/state': 'ONLINE\n',
    'tank/io':
      '12 3 0x00 1 80 79 39\nnread    nwritten reads    writes   wtime    wlentime\n1884160  3206144  22       132      7155162  104112268\n',
    'tank/objset-0x36': kstat('dataset_name 7 tank/a', 'reads 4 3', 'nwritten 4 5238564124'),
  };
  await expectSoundRows(zfs, host(files));
});

const fixtures = fixturesDir();
describe.skipIf(fixtures === null)('recorded trees', () => {
  /** The tree that Telegraf was tried on lies in a folder of its own, not below /proc. */
  const at = (folder: string): HostAccess => {
    const access = new LocalHost();
    const moved = (path: string) => path.replace(ROOT, folder);
    return Object.assign(Object.create(access) as HostAccess, {
      readFiles: (paths: readonly string[]) => access.readFiles(paths.map(moved)),
      readDir: (path: string) => access.readDir(moved(path)),
    });
  };

  it('give the points that Telegraf writes for them', async () => {
    const folder = join(fixtures as string, 'zfs', 'issue_17578');
    const readings = new Readings(zfs);
    const { data, dropped } = cleanRows(await readings.readAll(at(join(folder, 'zfs'))), zfs.measurements);
    expect([readings.reported, dropped]).toEqual([[], 0]);
    const key = (measurement: string, { tags, fields }: { tags?: object; fields: object }) =>
      JSON.stringify([
        measurement,
        Object.entries(tags ?? {}).sort(),
        Object.entries(fields)
          .map(([name, value]) => [name, String(value)])
          .sort(),
      ]);
    const ours = Object.entries(data).flatMap(([measurement, rows]) => rows.map((row) => key(measurement, row)));
    const expected = parseLines(readFileSync(join(folder, 'expected.out'), 'utf8'), 'ns', 0).points.map(({ point }) =>
      key(point.measurement, point),
    );
    expect(expected).toHaveLength(87);
    expect(ours.filter((point) => !point.includes('"health"')).sort()).toEqual(expected.sort());
    expect(ours.filter((point) => point.includes('"health"'))).toHaveLength(2);
  });

  it('of an old module give the values that stand in them', async () => {
    const readings = new Readings(zfs);
    const { data, dropped } = cleanRows(
      await readings.readAll(at(join(fixtures as string, 'proc', 'spl', 'kstat', 'zfs'))),
      zfs.measurements,
    );
    expect([readings.reported, dropped]).toEqual([[], 0]);
    expect(data['zfs']?.[0]).toMatchObject({
      tags: { pools: 'pool1::pool2::pool3::poolz1' },
      fields: { arcstats_size: 1603939792, arcstats_c: 1643208777, arcstats_p: 516395305, arcstats_hits: 8772612, zil_commit_count: 10 },
    });
    expect(data['zfs_pool']?.find(({ tags }) => tags?.['pool'] === 'pool1' && tags['dataset'] === undefined)?.fields).toMatchObject({
      health: 'ONLINE',
      nread: 1884160,
      nwritten: 3206144,
      writes: 132,
      rlentime: 104112268,
    });
    expect(data['zfs_pool']?.find(({ tags }) => tags?.['dataset'] === 'pool1/dataset1')?.fields).toEqual({
      writes: 4,
      nwritten: 12302,
      reads: 2,
      nread: 28,
      nunlinks: 3,
      nunlinked: 3,
    });
    expect(
      data['zfs_pool']?.map(({ tags, fields }) => [tags?.['pool'], fields['health']]).filter(([, health]) => health !== undefined),
    ).toEqual([
      ['pool1', 'ONLINE'],
      ['pool2', 'SUSPENDED'],
      ['pool3', 'ONLINE'],
      ['poolz1', 'DEGRADED'],
    ]);
  });
});
