import { gzipSync } from 'node:zlib';
import { toCatalog } from '@hostwire/model';
import { sampleCheck } from '@hostwire/model/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSample } from './decode.ts';
import { makeSample, topics } from './ingest.testkit.ts';
import { SampleCheck } from './sample-check.ts';
import { sampleFault } from './sample-fault.ts';

describe('why a value is no sample', () => {
  it.each([
    [null, 'is not an object'],
    [[], 'is not an object'],
    [{ ...makeSample(), v: 2 }, '/v must be equal to constant'],
    [{ ...makeSample(), seq: 0 }, '/seq must be >= 1'],
    [{ ...makeSample(), data: 7 }, '/data is not an object'],
    [{ ...makeSample(), data: { cpu: {} } }, '/data/cpu is not a list'],
    [{ ...makeSample(), data: { cpu: 1 } }, '/data/cpu is not a list'],
    [
      { ...makeSample(), data: { cpu: [{ fields: { a: 1 } }, { fields: {} }] } },
      '/data/cpu/1/fields must not have fewer than 1 properties',
    ],
    [{ ...makeSample(), errors: Array(300).fill(1) }, '/errors has more than 256 items'],
  ])('is said with the place: %j', (value, fault) => {
    expect(sampleFault(value)).toBe(fault);
  });

  it('is always said, of whatever the schema refuses', () => {
    const anything = fc.record(
      {
        v: fc.constantFrom(1, 2),
        host: fc.constantFrom('a', 'A'),
        data: fc.dictionary(fc.string(), fc.jsonValue()),
        errors: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          anything.map((change) => ({ ...makeSample(), ...change })),
        ),
        (value) => {
          fc.pre(!sampleCheck.Check(value));
          expect(sampleFault(value)).not.toBe('');
        },
      ),
    );
  });
});

it('what is built to cost much costs little', () => {
  const rows = Array.from({ length: 9999 }, () => ({ fields: { a: 1 } }));
  const json = (data: object): Buffer => Buffer.from(JSON.stringify({ ...makeSample(), data }));
  const costly = {
    'a last row that is bad': json({ cpu: [...rows, { fields: {} }] }),
    'rows that are all bad': json({ cpu: rows.map(() => ({ fields: { '\u0001': null } })) }),
    'rows without an end': json({ cpu: Array.from({ length: 200_000 }, () => ({ fields: {} })) }),
    'measurements without an end': json(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`-${i}`, []]))),
    'brackets without an end': Buffer.from(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`),
  };
  const check = new SampleCheck(toCatalog([]));
  for (const [name, payload] of Object.entries(costly)) {
    const begun = performance.now();
    const { invalid } = decodeSample(topics, check, topics.sample('pve1', 'fast'), gzipSync(payload));
    expect({ name, invalid }).toMatchObject({ invalid: { reason: expect.stringMatching(/^(schema|too-large)$/) } });
    // Seconds without the limits; a machine that is busy makes it several times what it costs.
    expect(performance.now() - begun).toBeLessThan(1000);
  }
});
