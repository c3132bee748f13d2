import { fileURLToPath } from 'node:url';
import { COLLECTORS } from '@hostwire/collectors';
import { LocalHost, ReplayHost } from '@hostwire/host-access';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeReading, readingBody, verifiedValues } from './describe-reading.ts';
import { findSource, piecesOf } from './find-source.ts';
import { type Reading, takeReadings } from './reading.ts';

const mock = fileURLToPath(new URL('../../mock', import.meta.url));
const ask = (line: string, text: string) => ({ ask: line, outcome: '', durationMs: 1, text });

describe('takeReadings', () => {
  it('shows of a recording the line that each value stands in', async () => {
    const access = await ReplayHost.open(mock);
    const [reading] = await takeReadings(
      access,
      COLLECTORS.filter(({ name }) => name === 'mem'),
      {},
    );
    const values = verifiedValues(reading as Reading);
    const meminfo = reading?.asks.find(({ ask }) => ask === '< /proc/meminfo')?.text ?? '';
    const found = values.filter(({ source }) => source !== null);
    expect(found.length).toBeGreaterThan(15);
    for (const { field, value, source } of found) {
      expect(meminfo).toContain(source?.line);
      // Of /proc/meminfo each value has one line of its own, in kB or as a count.
      expect([1024, 1].map((unit) => Number(/\d+/.exec(source?.line.split(':')[1] ?? '')?.[0]) * unit)).toContain(value);
      expect(source?.line.toLowerCase()).toContain(field.slice(0, 2));
    }
  });

  it('reads this machine, all collectors, rates among them, each with its own asks', async () => {
    const host = new LocalHost();
    onTestFinished(() => host.close());
    const readings = await takeReadings(host, COLLECTORS, {});
    const cpu = readings.find(({ collector }) => collector === 'cpu');
    expect(cpu?.asks.map(({ ask }) => ask)).toContain('< /proc/stat');
    expect(cpu?.rows['cpu']?.length).toBeGreaterThan(0);
    expect(cpu?.rows).not.toHaveProperty('collector');
    const text = readings.map(describeReading).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThan(300);
    expect(
      JSON.stringify(readings.map(readingBody), (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).length,
    ).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('findSource', () => {
  const source = (value: string | number, field: string, tags: Record<string, string>, ...texts: string[]) =>
    findSource(value, field, tags, piecesOf(texts.map((text, index) => ask(`< /f${index}`, text))))?.line ?? null;

  it('knows a value in another unit, and by its row', () => {
    expect(source(25_276_514_304, 'total', {}, 'MemFree: 1 kB\nMemTotal: 24684096 kB')).toBe('MemTotal: 24684096 kB');
    expect(source(7, 'drop_in', { interface: 'eth1' }, 'eth0: 1 7\neth1: 1 7\neth10: 1 7')).toBe('eth1: 1 7');
    expect(source(36, 'temp', { sensor: 'x' }, '{"x":{"temp":36,"other":36}}')).toBe('x.temp: 36');
    expect(source('ONLINE', 'health', { pool: 'tank' }, 'rpool\tONLINE\ntank\tONLINE')).toBe('tank\tONLINE');
  });

  it('shows nothing where nothing speaks for it', () => {
    expect(source(0, 'used', {}, 'a 0\nb 0')).toBeNull();
    expect(source(12, 'used', {}, 'a 112 12.5 x12')).toBeNull();
    expect(source(33.333, 'used_percent', {}, 'used 1 free 2')).toBeNull();
  });
});

it('a reading that cannot be taken says why and how to grant it, in one line each', () => {
  const reading: Reading = {
    ...{ collector: 'docker', rows: {}, errors: [], asks: [] },
    capability: { available: false, reason: 'may\nnot \u001b[31mbe used', hint: 'usermod' },
  };
  expect(describeReading(reading)).toBe('docker: not available: may not  [31mbe used\n  -> usermod');
});
