import { expect, it } from 'vitest';
import { aHost } from './sample-hosts.testkit.ts';
import { totalsOf } from './totals.ts';

it('weighs CPU by threads and leaves silent hosts out', () => {
  const totals = totalsOf([aHost({ cpu: 10, n_cpus: 2 }), aHost({ cpu: 40, n_cpus: 6 }), aHost({ cpu: 99, n_cpus: 64, state: 'offline' })]);
  expect(totals.cpu).toBeCloseTo((10 * 2 + 40 * 6) / 8, 9);
  expect(totals.threads).toBe(8);
  expect(totals.missing).toBe(1);
  expect(totals.storage).toEqual({ used: 8e10, total: 2e11, percent: 50 });
});

it('knows nothing of an empty fleet', () => {
  expect(totalsOf([])).toMatchObject({ cpu: null, threads: 0, memory: { percent: null }, in: null, missing: 0 });
});
