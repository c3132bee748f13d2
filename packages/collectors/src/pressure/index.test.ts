import { AccessError, LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { pressure } from './index.ts';

it.skipIf(fixturesDir() === null)('pressure of the recorded server has the values that stand there, and no cpu/full', async () => {
  const none = { avg10: 0, avg60: 0, avg300: 0 };
  const io = { avg10: 0.18, avg60: 0.34, avg300: 0.1 };
  expect(await new Readings(pressure).read(new LocalHost({ root: fixturesDir() as string }))).toEqual([
    { tags: { resource: 'cpu', type: 'some' }, fields: { ...none, total: 14_036_781 } },
    { tags: { resource: 'memory', type: 'some' }, fields: { ...none, total: 0 } },
    { tags: { resource: 'memory', type: 'full' }, fields: { ...none, total: 0 } },
    { tags: { resource: 'io', type: 'some' }, fields: { ...io, total: 159_886_802 } },
    { tags: { resource: 'io', type: 'full' }, fields: { ...io, total: 159_229_614 } },
  ]);
});

it('is not available on a kernel without PSI, and says how to get it', async () => {
  expect(await pressure.probe(new TreeHost(), {})).toMatchObject({ available: false, hint: expect.stringContaining('psi=1') });
  const disabled = new AccessError('EOPNOTSUPP', '/proc/pressure/cpu: operation not supported');
  expect(await pressure.probe(new TreeHost({ files: { '/proc/pressure/cpu': disabled } }), {})).toMatchObject({ available: false });
});

it('names what it cannot understand', async () => {
  const access = new TreeHost({ files: { '/proc/pressure/cpu': 'some avg10=x avg60=0 avg300=0 total=0\n' } });
  await expect(new Readings(pressure).read(access)).rejects.toThrow('/proc/pressure/cpu: some avg10: "x" is not a number');
});
