import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, type SpoolRecord } from './record.ts';

const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const run = fc.string({ minLength: 1, maxLength: 32 });
const seqs = fc.array(fc.tuple(seq, seq), { maxLength: 5 });
const gaps = fc.array(fc.record({ reason: fc.constantFrom('full', 'age', 'disk', 'clock', 'damaged'), from: time, to: time, count: seq }), {
  maxLength: 3,
});
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const record = fc.oneof(
  fc.record({
    kind: fc.constant('sample'),
    run,
    seq,
    tier: fc.constantFrom('fast', 'medium', 'slow'),
    time,
    interval: finite,
    monotonic: finite,
    boot: fc.string(),
    sure: fc.boolean(),
    low: seq,
    gaps,
    text: fc.string({ unit: 'binary' }),
  }),
  fc.record({ kind: fc.constant('ack'), run, seqs }),
  fc.record({ kind: fc.constant('time'), run, seqs, zero: finite }),
  fc.record({ kind: fc.constant('gap'), gaps, drop: fc.array(fc.record({ run, seqs }), { maxLength: 3 }), before: seq }),
) as fc.Arbitrary<SpoolRecord>;

describe('spool records', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(decodeRecord(encodeRecord(one))).toEqual(one);
      }),
    );
  });

  it('are null or a record, whatever the bytes', () => {
    const damaged = fc.tuple(record, fc.nat(), fc.nat({ max: 255 })).map(([one, at, byte]) => {
      const bytes = encodeRecord(one);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    const bytes = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      damaged,
    );
    const kinds = ['sample', 'ack', 'time', 'gap', undefined];
    fc.assert(
      fc.property(bytes, (one) => {
        expect(kinds).toContain(decodeRecord(one)?.kind);
      }),
    );
  });

  it('of another version are none', () => {
    expect(decodeRecord(Buffer.from('{"v":2,"kind":"ack","run":"r","seqs":[]}'))).toBeNull();
  });
});
