import { encodeSample, MAX_PAYLOAD_BYTES, type Row } from '@hostwire/model';
import { sampleCheck } from '@hostwire/model/schema';
import { describe, expect, it } from 'vitest';
import { createSampler } from './sampler.ts';

const intervals = { fast: 5, medium: 30, slow: 60 };
const options = { host: 'h1', run: 'abc', catalog: '9f31c2', intervals: () => intervals };

function rows(count: number, size: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ tags: { n: String(i) }, fields: { text: 'y'.repeat(size) } }));
}

describe('createSampler', () => {
  it('makes one valid sample of a tick, with the agent row, and counts', () => {
    const toSamples = createSampler(options);
    const collected = { time: 1_790_000_000_000, data: { mem: [{ fields: { used: 3 } }] }, errors: [] };
    const [first, ...more] = toSamples('medium', collected);
    expect(more).toEqual([]);
    expect(first).toEqual({
      v: 1,
      host: 'h1',
      tier: 'medium',
      run: 'abc',
      seq: 1,
      time: 1_790_000_000_000,
      interval: 30,
      catalog: '9f31c2',
      data: { mem: [{ fields: { used: 3 } }], agent: [{ tags: { tier: 'medium' }, fields: { run: 'abc', seq: 1 } }] },
    });
    expect(sampleCheck.Check(first)).toBe(true);
    expect(toSamples('fast', collected)[0]?.seq).toBe(2);
  });

  it('divides what is too large: every row once, one time, a seq and an agent row each', () => {
    const toSamples = createSampler(options);
    const data = { a: rows(300, 2000), b: rows(5, 10) };
    const errors = [{ collector: 'c', code: 'timeout', message: 'no answer' }];
    const samples = toSamples('fast', { time: 7, data, errors });
    expect(samples.length).toBeGreaterThan(2);
    expect(samples.map(({ seq }) => seq)).toEqual(samples.map((_, i) => i + 1));
    for (const sample of samples) {
      expect(Buffer.byteLength(encodeSample({ ...sample, backfill: true }))).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
      expect(sample.time).toBe(7);
      expect(sampleCheck.Check(sample)).toBe(true);
    }
    expect(samples.flatMap((sample) => sample.data['a'] ?? [])).toEqual(data.a);
    expect(samples.flatMap((sample) => sample.data['b'] ?? [])).toEqual(data.b);
    expect(samples.filter((sample) => sample.errors !== undefined)).toHaveLength(1);
    // They share time and tier, so that the store would take rows with the same tags for one.
    const tags = samples.map((sample) => JSON.stringify(sample.data['agent']?.[0]?.tags));
    expect(new Set(tags).size).toBe(samples.length);
  });

  it('leaves out a single row that fits nowhere, and says so', () => {
    const toSamples = createSampler(options);
    const [sample, ...more] = toSamples('fast', { time: 7, data: { big: rows(1, MAX_PAYLOAD_BYTES), ok: rows(1, 1) }, errors: [] });
    expect(more).toEqual([]);
    expect(sample?.data['ok']).toHaveLength(1);
    expect(sample?.data['big']).toBeUndefined();
    expect(sample?.errors?.[0]).toMatchObject({ collector: 'big', code: 'too-large' });
  });
});
