import { expect, it } from 'vitest';
import { GuessLimit, networkOf } from './guess-limit.ts';

it('lets each address try once a minute after sixty wrong codes in one, however many addresses guess', () => {
  let now = 0;
  const limit = new GuessLimit(() => now);
  for (let index = 0; index < 60; index++) {
    expect(limit.mayTry(`192.0.2.${index}`)).toBe(true);
    limit.wrong();
  }
  expect([limit.mayTry('192.0.2.1'), limit.mayTry('192.0.2.1'), limit.mayTry('192.0.2.2')]).toEqual([true, false, true]);
  now = 60_000;
  expect([limit.mayTry('192.0.2.1'), limit.mayTry('192.0.2.1')]).toEqual([true, true]);
});

it('remembers a bounded number of addresses, and refuses the others', () => {
  const limit = new GuessLimit(() => 0);
  for (let index = 0; index < 60; index++) limit.wrong();
  for (let index = 0; index < 10_000; index++) expect(limit.mayTry(`a${index}`)).toBe(true);
  expect(limit.mayTry('one more')).toBe(false);
});

it('takes all addresses of one IPv6 network for one', () => {
  expect(
    ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8:0:12::1', '2001:0db8::12:aaaa:0:0:1', '2001:db8:0:12:ffff::', 'fe80::1%eth0', '::1'].map(
      networkOf,
    ),
  ).toEqual([...['192.0.2.1', '192.0.2.1', '2001:db8:0:12', '2001:db8:0:12', '2001:db8:0:12', 'fe80:0:0:0', '0:0:0:0']]);
  const limit = new GuessLimit(() => 0);
  for (let index = 0; index < 60; index++) limit.wrong();
  expect([limit.mayTry('2001:db8::1'), limit.mayTry('2001:db8::2'), limit.mayTry('2001:db8:0:1::1')]).toEqual([true, false, true]);
});
