import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { swap } from './index.ts';

describe('swap', () => {
  it('counts in bytes of this machine, whatever the size of its pages', async () => {
    const access = new TreeHost({
      files: {
        '/proc/meminfo': 'MemTotal: 9 kB\nSwapTotal: 1000 kB\nSwapFree: 750 kB\n',
        '/proc/vmstat': 'pswpin 3\npswpout 5\n',
        '/proc/self/stat': `7 (a) R 1 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 100 ${500 * 16_384} 300`,
        '/proc/self/statm': '500 300 200 1 0 50 0\n',
      },
    });
    expect(await new Readings(swap).read(access)).toEqual([
      { fields: { total: 1_024_000, free: 768_000, used: 256_000, used_percent: 25, in: 3 * 16_384, out: 5 * 16_384 } },
    ]);
  });

  it('is all 0 without swap, and has no counters where the kernel has none', async () => {
    const access = new TreeHost({ files: { '/proc/meminfo': 'MemTotal: 9 kB\n', '/proc/vmstat': 'nr_free_pages 3\n' } });
    expect(await new Readings(swap).read(access)).toEqual([{ fields: { total: 0, free: 0, used: 0, used_percent: 0 } }]);
  });
});

it.skipIf(fixturesDir() === null)('swap of the recorded server has the values that stand there', async () => {
  const [row] = await new Readings(swap).read(new LocalHost({ root: fixturesDir() as string }));
  expect(row?.fields).toEqual({
    total: 4_194_300 * 1024,
    free: 3_155_360 * 1024,
    used: (4_194_300 - 3_155_360) * 1024,
    used_percent: expect.closeTo(24.77, 2),
    in: 1476 * 4096,
    out: 35_045 * 4096,
  });
});
