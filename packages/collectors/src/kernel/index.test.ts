import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { kernel } from './index.ts';

it('kernel has the counters and the entropy, exact beyond 2^53', async () => {
  const access = new TreeHost({
    files: {
      '/proc/stat': 'cpu 1 2 3 4\nintr 9007199254740993 17 0\nctxt 20\nbtime 1790000000\nprocesses 40\nprocs_running 1\n',
      '/proc/sys/kernel/random/entropy_avail': '256\n',
    },
  });
  expect(await new Readings(kernel).read(access)).toEqual([
    {
      fields: {
        boot_time: 1_790_000_000,
        context_switches: 20,
        interrupts: 9_007_199_254_740_993n,
        processes_forked: 40,
        entropy_avail: 256,
      },
    },
  ]);
});

it('kernel says which line is missing', async () => {
  const access = new TreeHost({ files: { '/proc/stat': 'cpu 1 2 3 4\nctxt 20\n' } });
  await expect(new Readings(kernel).read(access)).rejects.toMatchObject({ code: 'parse', message: '/proc/stat: no btime' });
});

it.skipIf(fixturesDir() === null)('kernel of the recorded server has the values that stand there', async () => {
  expect(await new Readings(kernel).read(new LocalHost({ root: fixturesDir() as string }))).toEqual([
    { fields: { boot_time: 1_418_183_276, context_switches: 38_014_093, interrupts: 8_885_917, processes_forked: 26_442 } },
  ]);
});
