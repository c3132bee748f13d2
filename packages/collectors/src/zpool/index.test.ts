import { AccessError, type ExecResult } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { zpool } from './index.ts';

const TIME = 1_790_000_000_000;
const LIST = 'zpool list -Hp -o name,size,allocated,free,capacity,dedupratio,health,fragmentation';
const OLD_LIST = 'zpool list -H -o name,size,allocated,free,capacity,dedupratio,health';
const JSON_STATUS = 'zpool status -j --json-int -p';

const said = (stdout: string): ExecResult => ({ exitCode: 0, stdout, stderr: '' });
const failed = (stderr: string, exitCode = 2): ExecResult => ({ exitCode, stdout: '', stderr });
const unknown = failed("invalid option 'p'\nusage:\n");

const listed = said('tank\t1000\t210\t790\t21\t1.00\tONLINE\t3\n');

/** After zpool_main.c of OpenZFS 2.2: a pool with every class of devices, one of them replaced, while a scrub is paused. */
const TEXT = [
  '  pool: tank',
  ' state: DEGRADED',
  'status: One or more devices could not be used because the label is missing or',
  '\tinvalid.  Sufficient replicas exist for the pool to continue.',
  "action: Replace the device using 'zpool replace'.",
  '   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-4J',
  '  scan: scrub paused since Sun Sep 20 10:00:00 2026',
  '\tscrub started on Sun Sep 20 09:00:00 2026',
  '\t1.10T / 2.20T scanned, 1.00T / 2.20T issued',
  '\t0B repaired, 45.45% done',
  '  scan: resilvered (mirror-0) 2.02G in 00:00:05 with 1 errors on Sat Sep 19 12:00:00 2026',
  'config:',
  '',
  '\tNAME                      STATE     READ WRITE CKSUM',
  '\ttank                      DEGRADED     0     0     0',
  '\t  mirror-0                DEGRADED     0     0     0',
  '\t    replacing-0           DEGRADED     0     0     4',
  '\t      12841765308123764671  UNAVAIL      1     2     3  was /dev/sda1',
  '\t      sdb                 ONLINE       0     0     0  (resilvering)',
  '\t    sdc                   ONLINE       0     0 1.23K  12.5K resilvered',
  '\tspecial\t',
  '\t  mirror-1                ONLINE       0     0     0',
  '\t    nvme0n1p2             ONLINE       0     0     0',
  '\tlogs\t',
  '\t  nvme0n1p1               ONLINE       0     0     0',
  '\tcache',
  '\t  sde                     ONLINE       0     0     0',
  '\tspares',
  '\t  sdd                     AVAIL   ',
  '\t  sdf                     INUSE     currently in use',
  '',
  "errors: 7 data errors, use '-v' for a list",
  '',
].join('\n');

const textHost = (text: string, zone = '+0000\n') =>
  new TreeHost({
    commands: { [LIST]: listed, [JSON_STATUS]: failed("invalid option 'j'\n"), 'zpool status -p': said(text), 'date +%z': said(zone) },
  });

/** After zpool-status(8) of OpenZFS 2.3, "Display the status output in JSON format". */
const status = (more: object) => ({
  output_version: { command: 'zpool status', vers_major: 0, vers_minor: 1 },
  pools: {
    tank: {
      name: 'tank',
      state: 'ONLINE',
      pool_guid: 3920273586464696295n.toString(),
      vdevs: {
        tank: {
          name: 'tank',
          state: 'HEALTHY',
          read_errors: 0,
          write_errors: 0,
          checksum_errors: 5,
          vdevs: {
            'raidz1-0': {
              name: 'raidz1-0',
              state: 'DEGRADED',
              read_errors: 0,
              write_errors: 0,
              checksum_errors: 5,
              vdevs: { sda: { state: 'CANT_OPEN', read_errors: '3', write_errors: 0, checksum_errors: 0, not_present: 1 } },
            },
          },
        },
      },
      logs: { nvme0n1p1: { state: 'ONLINE', read_errors: 0, write_errors: 0, checksum_errors: 0 } },
      l2cache: { sde: { state: 'ONLINE', read_errors: 0, write_errors: 0, checksum_errors: 0 } },
      spares: { sdd: { state: 'AVAIL' } },
      error_count: 2,
      ...more,
    },
  },
});
const jsonHost = (more: object) => new TreeHost({ commands: { [LIST]: listed, [JSON_STATUS]: said(JSON.stringify(status(more))) } });

describe('zpool of OpenZFS 2.3 and later', () => {
  it('gives a row per pool and one per device', async () => {
    const scan_stats = { function: 'SCRUB', state: 'FINISHED', start_time: 1, end_time: TIME / 1000 - 86_400, errors: 0, scrub_pause: 0 };
    const rows = await new Readings(zpool).readAll(jsonHost({ scan_stats }));
    expect(rows['zpool']).toEqual([
      {
        tags: { pool: 'tank' },
        fields: {
          health: 'ONLINE',
          healthy: true,
          size: 1000,
          allocated: 210,
          free: 790,
          capacity_percent: 21,
          dedupratio: 1,
          fragmentation_percent: 3,
          errors: 2,
          read_errors: 0,
          write_errors: 0,
          checksum_errors: 5,
          scrub_state: 'finished',
          scrub_age: 86_400,
          scrub_errors: 0,
        },
      },
    ]);
    expect(rows['zpool_vdev']).toEqual([
      { tags: { pool: 'tank', vdev: 'raidz1-0' }, fields: { state: 'DEGRADED', read_errors: 0, write_errors: 0, checksum_errors: 5 } },
      { tags: { pool: 'tank', vdev: 'raidz1-0/sda' }, fields: { state: 'UNAVAIL', read_errors: 3, write_errors: 0, checksum_errors: 0 } },
      { tags: { pool: 'tank', vdev: 'logs/nvme0n1p1' }, fields: { state: 'ONLINE', read_errors: 0, write_errors: 0, checksum_errors: 0 } },
      { tags: { pool: 'tank', vdev: 'cache/sde' }, fields: { state: 'ONLINE', read_errors: 0, write_errors: 0, checksum_errors: 0 } },
      { tags: { pool: 'tank', vdev: 'spares/sdd' }, fields: { state: 'AVAIL' } },
    ]);
  });

  it.each([
    [
      { state: 'SCANNING', issued: 250, to_examine: 1100, skipped: 100, scrub_pause: 0 },
      { scrub_state: 'running', scrub_percent: 25 },
    ],
    [
      { state: 'SCANNING', issued: 250, to_examine: 1000, scrub_pause: 1 },
      { scrub_state: 'paused', scrub_percent: 25 },
    ],
    [{ state: 'SCANNING', issued: 0, to_examine: 0 }, { scrub_state: 'running' }],
    [{ state: 'CANCELED', end_time: 5, errors: 3 }, { scrub_state: 'canceled' }],
    [{ function: 'RESILVER', state: 'FINISHED', end_time: 5 }, { resilver_state: 'finished' }],
    [{ function: 'NONE', state: 'NONE' }, {}],
    [{ function: 'ERRORSCRUB', state: 'FINISHED' }, {}],
  ])('tells of the scan %j', async (stats, expected) => {
    const [row] = await new Readings(zpool).read(jsonHost({ scan_stats: { function: 'SCRUB', ...stats } }));
    expect(Object.fromEntries(Object.entries(row?.fields ?? {}).filter(([name]) => /^(scrub|resilver)_/.test(name)))).toEqual(expected);
  });
});

describe('zpool of OpenZFS before 2.3', () => {
  it('gives devices of every class by their path, and both scans', async () => {
    const rows = await new Readings(zpool).readAll(textHost(TEXT));
    expect(rows['zpool']?.[0]?.fields).toMatchObject({
      errors: 7,
      read_errors: 0,
      scrub_state: 'paused',
      scrub_percent: 45.45,
      resilver_state: 'finished',
    });
    expect(rows['zpool_vdev']?.map(({ tags, fields }) => [tags?.['vdev'], ...Object.values(fields)])).toEqual([
      ['mirror-0', 'DEGRADED', 0, 0, 0],
      ['mirror-0/replacing-0', 'DEGRADED', 0, 0, 4],
      ['mirror-0/replacing-0/12841765308123764671', 'UNAVAIL', 1, 2, 3],
      ['mirror-0/replacing-0/sdb', 'ONLINE', 0, 0, 0],
      ['mirror-0/sdc', 'ONLINE', 0, 0, 1260],
      ['special/mirror-1', 'ONLINE', 0, 0, 0],
      ['special/mirror-1/nvme0n1p2', 'ONLINE', 0, 0, 0],
      ['logs/nvme0n1p1', 'ONLINE', 0, 0, 0],
      ['cache/sde', 'ONLINE', 0, 0, 0],
      ['spares/sdd', 'AVAIL'],
      ['spares/sdf', 'INUSE'],
    ]);
  });

  it.each([
    [
      'scrub repaired 0B in 01:02:03 with 0 errors on Mon Sep 21 14:13:20 2026',
      { scrub_state: 'finished', scrub_errors: 0, scrub_age: 3600 },
    ],
    [
      'scrub repaired 1M in 3 days 01:02:03 with 4 errors on Sun Aug  9 12:13:20 2026',
      { scrub_errors: 4, scrub_age: 43 * 86_400 + 3 * 3600 },
    ],
    ['scrub canceled on Mon Sep 21 14:13:20 2026', { scrub_state: 'canceled' }],
    [
      'scrub in progress since Mon Sep 21 14:13:20 2026\n\t1G / 2G scanned\n\t0B repaired, 50.00% done, 00:01:00 to go',
      { scrub_state: 'running', scrub_percent: 50 },
    ],
    ['resilver in progress since Mon Sep 21 14:13:20 2026\n\t9.99% done', { resilver_state: 'running', resilver_percent: 9.99 }],
    ['none requested', {}],
    ['something of the future on Mon Sep 21 14:13:20 2026', {}],
  ])('tells of the scan "%s", in the time zone of the host', async (scan, expected) => {
    const text = `  pool: tank\n state: ONLINE\n  scan: ${scan}\nconfig:\n\n\tNAME  STATE  READ WRITE CKSUM\n\ttank  ONLINE  0 0 0\n\nerrors: No known data errors\n`;
    const [row] = await new Readings(zpool).read(textHost(text, '+0100\n'));
    const scans = Object.entries(row?.fields ?? {}).filter(([name]) => /^(scrub|resilver)_/.test(name));
    expect(Object.fromEntries(scans)).toMatchObject(expected);
    expect(row?.fields['errors']).toBe(0);
  });
});

describe('zpool', () => {
  it('asks an old version as it can be asked, and at the next reading at once', async () => {
    const listing = said('tank\t91.5M\t138K\t91.4M\t0%\t1.00x\tONLINE\n');
    const text =
      '  pool: tank\n state: ONLINE\n scrub: scrub completed after 0h0m with 2 errors on Mon Sep 21 14:13:20 2026\nconfig:\n\nerrors: No known data errors\n';
    const access = new TreeHost({
      commands: {
        [LIST]: unknown,
        [OLD_LIST]: listing,
        [JSON_STATUS]: unknown,
        'zpool status -p': unknown,
        'zpool status': said(text),
        'date +%z': said('+0000'),
      },
    });
    const readings = new Readings(zpool);
    const [row] = await readings.read(access);
    expect(row?.fields).toMatchObject({
      size: 95_944_704,
      allocated: 141_312,
      capacity_percent: 0,
      dedupratio: 1,
      scrub_errors: 2,
      scrub_age: 0,
    });
    access.asked.length = 0;
    await readings.read(access);
    expect(access.asked).toEqual([OLD_LIST, 'zpool status', 'date +%z']);
  });

  it('keeps what zpool list says when zpool status does not answer', async () => {
    const readings = new Readings(zpool);
    const access = new TreeHost({
      commands: { [LIST]: said('tank\t-\t-\t-\t-\t-\tSUSPENDED\t-\n'), [JSON_STATUS]: new AccessError('timeout', 'zpool: no answer') },
    });
    expect(await readings.read(access)).toEqual([{ tags: { pool: 'tank' }, fields: { health: 'SUSPENDED', healthy: false } }]);
    expect(readings.reported).toMatchObject([{ code: 'timeout' }]);
  });

  it('fails with what zpool says', async () => {
    const access = new TreeHost({ commands: { [LIST]: failed('\ncannot open /dev/zfs: Permission denied\n', 1) } });
    await expect(new Readings(zpool).read(access)).rejects.toMatchObject({
      code: 'exit-1',
      message: expect.stringContaining('Permission denied'),
    });
  });

  it('is available where a pool is imported, and says why if none is', async () => {
    const probe = (result?: ExecResult | AccessError) =>
      zpool.probe(new TreeHost({ commands: result === undefined ? {} : { [LIST]: result } }), {});
    expect(await probe(listed)).toEqual({ available: true });
    expect(await probe(said(''))).toEqual({ available: false, reason: 'no pool is imported' });
    expect(await probe()).toEqual({ available: false, reason: 'zpool is not installed' });
    expect(await probe(failed('The ZFS modules are not loaded.\n', 1))).toMatchObject({
      reason: 'zpool list: The ZFS modules are not loaded.',
      hint: /modprobe/,
    });
    expect(await probe(new AccessError('timeout', 'zpool: no answer'))).toEqual({ available: false, reason: 'zpool: no answer' });
  });
});
