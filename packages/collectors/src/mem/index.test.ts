import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { mem } from './index.ts';

const meminfo = (text: string) => new TreeHost({ files: { '/proc/meminfo': text } });

describe('mem', () => {
  it('counts as used what is not available', async () => {
    const text =
      'MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\nCached: 200 kB\nSReclaimable: 50 kB\nHugePages_Total: 3\n';
    expect(await new Readings(mem).read(meminfo(text))).toEqual([
      {
        fields: {
          total: 1_024_000,
          free: 102_400,
          available: 614_400,
          used: 409_600,
          used_percent: 40,
          available_percent: 60,
          buffered: 10_240,
          cached: 256_000,
          sreclaimable: 51_200,
          huge_pages_total: 3,
        },
      },
    ]);
  });

  it('gives no percentage of nothing', async () => {
    const [row] = await new Readings(mem).read(meminfo('MemTotal: 0 kB\nMemFree: 0 kB\n'));
    expect(row?.fields).not.toHaveProperty('used_percent');
    expect(row?.fields['total']).toBe(0);
  });

  it('keeps sizes beyond 2^53 exact', async () => {
    const [row] = await new Readings(mem).read(meminfo('MemTotal: 1 kB\nVmallocTotal: 9007199254740993 kB\n'));
    expect(row?.fields['vmalloc_total']).toBe(2n ** 63n - 1n);
  });
});

describe.skipIf(fixturesDir() === null)('mem of the recorded server', () => {
  it('has the values that stand there, in bytes', async () => {
    const [row] = await new Readings(mem).read(new LocalHost({ root: fixturesDir() as string }));
    const kib = 1024;
    const cached = (930_888 + 44_772) * kib;
    // A kernel without MemAvailable: what is free or cached counts as available, as in Telegraf.
    const available = 225_472 * kib + cached;
    expect(row?.fields).toEqual({
      total: 3_742_148 * kib,
      free: 225_472 * kib,
      available,
      used: 3_742_148 * kib - available,
      used_percent: expect.closeTo(67.903, 3),
      available_percent: expect.closeTo(32.097, 3),
      buffered: 22_040 * kib,
      cached,
      active: 2_233_416 * kib,
      inactive: 1_028_728 * kib,
      shared: 593_840 * kib,
      slab: 98_932 * kib,
      sreclaimable: 44_772 * kib,
      sunreclaim: 54_160 * kib,
      dirty: 1052 * kib,
      write_back: 0,
      write_back_tmp: 0,
      mapped: 239_220 * kib,
      page_tables: 75_212 * kib,
      commit_limit: 6_065_372 * kib,
      committed_as: 7_835_436 * kib,
      swap_total: 4_194_300 * kib,
      swap_free: 3_155_360 * kib,
      swap_cached: 192_504 * kib,
      vmalloc_total: 34_359_738_367 * kib,
      vmalloc_used: 352_840 * kib,
      vmalloc_chunk: 34_359_338_876 * kib,
      huge_page_size: 2048 * kib,
      huge_pages_total: 0,
      huge_pages_free: 0,
    });
  });
});
