import { expect, it } from 'vitest';
import type { HostDetail } from '../api/types.ts';
import { capabilitiesOf } from './capability.ts';

it('tells what lacks a right from what nobody has asked for and what is not there', () => {
  const capabilities = {
    cpu: { available: true },
    docker: { available: false, reason: 'may not be used', hint: 'usermod -aG docker hostwire-agent' },
    ping: { available: false, reason: 'no targets', hint: '[collectors.ping] targets = []' },
    zfs: { available: false, reason: 'no ZFS module in this kernel' },
  };
  const { working, lacking, unasked, absent } = capabilitiesOf({ capabilities } as unknown as HostDetail);
  expect(working).toEqual(['cpu']);
  expect([lacking, unasked, absent].map((list) => list.map(([name]) => name))).toEqual([['docker'], ['ping'], ['zfs']]);
  expect(capabilitiesOf(null).working).toEqual([]);
});
