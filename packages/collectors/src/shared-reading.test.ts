import { expect, it } from 'vitest';
import { shareReading, sharesReadings } from './shared-reading.ts';
import { TreeHost } from './tree-host.testkit.ts';

it('asks a host once for all that need the same at one time', async () => {
  const host = new TreeHost();
  let asked = 0;
  const read = (access: TreeHost, time: number) => shareReading(access, 'x', { time, maxAgeMs: 10 }, async () => ++asked);
  const limited = sharesReadings(new TreeHost(), host) as TreeHost;
  expect(await Promise.all([read(host, 100), read(limited, 110)])).toEqual([1, 1]);
  expect([await read(host, 111), await read(host, 90), await read(new TreeHost(), 90)]).toEqual([2, 3, 4]);
});

it('does not keep a failure', async () => {
  const host = new TreeHost();
  const when = { time: 0, maxAgeMs: 1000 };
  await expect(shareReading(host, 'x', when, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await shareReading(host, 'x', when, async () => 'yes')).toBe('yes');
});
