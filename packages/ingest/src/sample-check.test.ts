import { sampleCheck } from '@hostwire/model/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalog, makeSample } from './ingest.testkit.ts';
import { SampleCheck } from './sample-check.ts';

const scalar = fc.oneof(fc.constantFrom<unknown>(null, true, '', 'x', 0, 1, -1, 1.5, 2 ** 53, 'x'.repeat(2000), [], {}), fc.jsonValue());
const name = fc.oneof(
  fc.constantFrom('usage_active', 'cpu', 'bytes_recv', 'interface', '__proto__', 'constructor', '', 'a\nb', 'x'.repeat(200)),
  fc.string(),
);

describe('SampleCheck', () => {
  it('says what the schema says, of samples with anything anywhere', () => {
    const row = fc.oneof(
      scalar,
      fc.record(
        {
          tags: fc.oneof(
            scalar,
            fc.dictionary(name, fc.oneof({ weight: 1, arbitrary: scalar }, { weight: 4, arbitrary: fc.constant('eth0') }), { maxKeys: 3 }),
          ),
          fields: fc.oneof(
            scalar,
            fc.dictionary(name, fc.oneof({ weight: 1, arbitrary: scalar }, { weight: 4, arbitrary: fc.constant(1) }), {
              minKeys: 1,
              maxKeys: 3,
            }),
          ),
          more: scalar,
        },
        { requiredKeys: [] },
      ),
    );
    const data = fc.oneof(
      scalar,
      fc.dictionary(fc.oneof(name, fc.constantFrom('cpu', 'net')), fc.oneof(scalar, fc.array(row, { maxLength: 3 }))),
    );
    const values = {
      v: scalar,
      host: fc.oneof(scalar, fc.constantFrom('pve1', 'PVE', 'a/b')),
      tier: fc.oneof(scalar, fc.constantFrom('slow', 'hourly')),
      run: fc.oneof(scalar, fc.constantFrom('abc', 'a b')),
      seq: scalar,
      time: fc.oneof(scalar, fc.constantFrom(8.64e15, 8.64e15 + 1, 1e300)),
      interval: fc.oneof(scalar, fc.constantFrom(86_400, 86_401, 1e-9)),
      catalog: fc.oneof(scalar, fc.constantFrom('', '9f', 'G')),
      backfill: scalar,
      errors: scalar,
      unknown: scalar,
      data,
    };
    // Mostly one thing at a time, or nothing would ever be valid.
    const one = fc.oneof(
      ...Object.entries(values).map(([key, value]) => value.map((changed) => ({ [key]: changed }))),
      data.map((changed) => ({ data: changed })),
    );
    const change = fc.array(one, { minLength: 1, maxLength: 2 }).map((changes) => Object.assign({}, ...changes) as object);
    const check = new SampleCheck(catalog);
    let passed = 0;
    fc.assert(
      fc.property(change, (changed) => {
        const value: unknown = JSON.parse(JSON.stringify({ ...makeSample(), ...changed }));
        const expected = sampleCheck.Check(value);
        if (expected) passed++;
        if (check.certain(value)) expect(expected).toBe(true);
        expect(check.passes(value)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    expect(passed).toBeGreaterThan(100);
  });

  it('takes no number that JSON has and JavaScript has not', () => {
    const value: unknown = JSON.parse(JSON.stringify(makeSample()).replace('12.5', '1e999'));
    expect(new SampleCheck(catalog).passes(value)).toBe(false);
  });

  it('is certain of what the catalog declares, and of names once they were valid', () => {
    const check = new SampleCheck(catalog);
    expect(check.certain(makeSample())).toBe(true);
    const other = makeSample({ data: { gpu: [{ tags: { slot: '1' }, fields: { clock: 1 } }] } });
    expect(check.certain(other)).toBe(false);
    expect(check.passes(other)).toBe(true);
    expect(check.certain(other)).toBe(true);
  });
});
