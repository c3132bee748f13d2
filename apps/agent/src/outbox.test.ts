import type { Sample } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryOutbox } from './outbox.ts';

function sample(seq: number, run = 'r1', size = 0): Sample {
  return {
    v: 1,
    host: 'h',
    tier: 'fast',
    run,
    seq,
    time: seq,
    interval: 5,
    catalog: 'c',
    data: { m: [{ fields: { text: 'x'.repeat(size) } }] },
  };
}

const seqs = (outbox: MemoryOutbox): number[] => [...outbox.pending()].map(({ seq }) => seq);

describe('MemoryOutbox', () => {
  it('keeps samples until they are named, by run and range', () => {
    const outbox = new MemoryOutbox();
    for (let seq = 1; seq <= 6; seq++) outbox.append(sample(seq), seq);
    expect(outbox.forget('other', [[1, 6]])).toBe(0);
    expect(
      outbox.forget('r1', [
        [2, 3],
        [6, 9],
      ]),
    ).toBe(3);
    expect(seqs(outbox)).toEqual([1, 4, 5]);
    expect(outbox.size).toBe(3);
  });

  it('gives up the oldest beyond its bounds and counts them, but never the newest', () => {
    const bySamples = new MemoryOutbox({ maxSamples: 3 });
    for (let seq = 1; seq <= 5; seq++) bySamples.append(sample(seq), seq);
    expect(seqs(bySamples)).toEqual([3, 4, 5]);
    expect(bySamples.dropped).toBe(2);

    const byBytes = new MemoryOutbox({ maxBytes: 2500 });
    for (let seq = 1; seq <= 5; seq++) byBytes.append(sample(seq, 'r1', 900), seq);
    expect(seqs(byBytes)).toEqual([4, 5]);
    byBytes.append(sample(6, 'r1', 9000), 6);
    expect(seqs(byBytes)).toEqual([6]);
    byBytes.forget('r1', [[6, 6]]);
    byBytes.append(sample(7, 'r1', 900), 7);
    byBytes.append(sample(8, 'r1', 900), 8);
    expect(seqs(byBytes)).toEqual([7, 8]);
  });

  it('restamps in place', () => {
    const outbox = new MemoryOutbox();
    const first = outbox.append(sample(1), 1);
    outbox.append(sample(2), 2);
    expect(outbox.restamp(first, 99)).toMatchObject({ seq: 1, time: 99 });
    expect([...outbox.pending()].map(({ time }) => time)).toEqual([99, 2]);
    outbox.forget('r1', [[1, 1]]);
    expect(outbox.restamp(first, 100)).toBeNull();
    expect(outbox.has(first)).toBe(false);
  });

  it('holds exactly what was appended and not forgotten, in order', () => {
    const step = fc.oneof(fc.constant(null), fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new MemoryOutbox();
        let expected: number[] = [];
        let next = 1;
        for (const range of steps) {
          if (range === null) {
            outbox.append(sample(next), next);
            expected.push(next++);
          } else {
            outbox.forget('r1', [range]);
            expected = expected.filter((seq) => seq < range[0] || seq > range[1]);
          }
        }
        expect(seqs(outbox)).toEqual(expected);
      }),
    );
  });
});
