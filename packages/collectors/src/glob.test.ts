import fc from 'fast-check';
import { expect, it } from 'vitest';
import { globs } from './glob.ts';

it('matches whole names by *, ? and [..]', () => {
  const veth = globs(['veth[0-9a-f][0-9a-f]', 'br-*', 'eth?']);
  expect(['veth0f', 'br-', 'br-12ab', 'eth0'].every(veth)).toBe(true);
  expect(['veth0g', 'veth0f1', 'xbr-1', 'eth', 'eth10', ''].some(veth)).toBe(false);
});

it('takes every other character as itself', () => {
  expect(globs(['eth0.100'])('eth0.100')).toBe(true);
  expect(globs(['eth0.100'])('eth0x100')).toBe(false);
  expect(globs(['a[b'])('a[b')).toBe(true);
  fc.assert(
    fc.property(
      fc.string().filter((name) => !/[*?[\]]/.test(name)),
      (name) => globs([name])(name),
    ),
  );
});

it('never throws, whatever the pattern', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('[', ']', '^', '\\', '-', 'z', 'a', '*', '?') }), fc.string(), (pattern, name) => {
      globs([pattern])(name);
    }),
  );
});
