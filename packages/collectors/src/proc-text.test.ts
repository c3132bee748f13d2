import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { LocalHost } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError, parseCounter, parseDecimal, probeFile, readPageSize, scaleCounter } from './proc-text.ts';
import { TreeHost } from './tree-host.testkit.ts';

const MAX_INT64 = 2n ** 63n - 1n;

describe('parseCounter', () => {
  it('is exact for every value of an unsigned 64-bit counter, clipped at what InfluxDB can hold', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const parsed = parseCounter(value.toString(), 'x');
        expect(BigInt(parsed)).toBe(value > MAX_INT64 ? MAX_INT64 : value);
        expect(typeof parsed).toBe(value <= BigInt(Number.MAX_SAFE_INTEGER) ? 'number' : 'bigint');
      }),
    );
  });

  it.each(['', '-1', '1.5', '0x10', '1e3', ' 1', 'NaN', undefined])('refuses %j and names what it is of', (text) => {
    expect(() => parseCounter(text, '/proc/x: y')).toThrow(ParseError);
    expect(() => parseCounter(text, '/proc/x: y')).toThrow('/proc/x: y');
  });
});

it('scaleCounter multiplies exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 1, max: 65_536 }), (value, factor) => {
      const product = BigInt(parseCounter(value.toString(), 'x')) * BigInt(factor);
      expect(BigInt(scaleCounter(parseCounter(value.toString(), 'x'), factor))).toBe(product > MAX_INT64 ? MAX_INT64 : product);
    }),
  );
});

it('parseDecimal reads what the kernel prints and nothing else', () => {
  expect(parseDecimal('0.21', 'x')).toBe(0.21);
  expect(parseDecimal('-40', 'x')).toBe(-40);
  for (const text of ['1e5', 'Infinity', '', '1.', undefined]) expect(() => parseDecimal(text, 'x')).toThrow(ParseError);
});

describe('readPageSize', () => {
  const host = (vsize: number, pages: number) =>
    new TreeHost({
      files: {
        '/proc/self/stat': `7 (a) b) R 1 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 100 ${vsize} 300`,
        '/proc/self/statm': `${pages} 300 200 1 0 50 0\n`,
      },
    });

  it.each([4096, 16_384, 65_536])('finds pages of %i bytes, also when the process grows between the readings', async (size) => {
    expect(await readPageSize(host(1000 * size, 1000), {})).toBe(size);
    expect(await readPageSize(host(1000 * size, 1100), {})).toBe(size);
  });

  it('is 4096 where /proc/self is not there or makes no sense', async () => {
    expect(await readPageSize(new TreeHost(), {})).toBe(4096);
    expect(await readPageSize(host(0, 0), {})).toBe(4096);
  });

  it.skipIf(!existsSync('/proc/self/statm'))("is what getconf says of this machine's", async () => {
    expect(await readPageSize(new LocalHost(), {})).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
  });
});

it('probeFile says why not, and how to get it', async () => {
  const access = new TreeHost({ files: { '/b': 'x' } });
  expect(await probeFile(access, ['/a', '/b'])).toEqual({ available: true });
  expect(await probeFile(access, ['/a'], 'install a')).toEqual({
    available: false,
    reason: '/a cannot be read (ENOENT)',
    hint: 'install a',
  });
});
