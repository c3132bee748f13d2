import { ackCheck } from '@hostwire/model/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckBatch, toRanges } from './ack-batch.ts';

describe('toRanges', () => {
  it('holds exactly the numbers, in as few ranges as possible', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (numbers) => {
        const ranges = toRanges(numbers);
        const held = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
        expect(held).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        for (const [index, range] of ranges.entries()) if (index > 0) expect(range[0]).toBeGreaterThan((ranges[index - 1]?.[1] ?? 0) + 1);
      }),
    );
  });
});

describe('AckBatch', () => {
  it('makes one message a host and run, and more only where one would have too many ranges', () => {
    const batch = new AckBatch();
    for (const seq of [3, 1, 2, 7]) batch.add('pve1', 'a', seq, 'stored');
    batch.add('pve1', 'a', 4, 'clock');
    batch.add('pve1', 'b', 1, 'stored');
    batch.add('pve2', 'c', 9, 'clock');
    expect(batch.take(5)).toEqual([
      {
        host: 'pve1',
        ack: {
          run: 'a',
          seqs: [
            [1, 3],
            [7, 7],
          ],
          time: 5,
          clock: [[4, 4]],
        },
      },
      { host: 'pve1', ack: { run: 'b', seqs: [[1, 1]], time: 5 } },
      { host: 'pve2', ack: { run: 'c', time: 5, clock: [[9, 9]] } },
    ]);
    expect(batch.empty).toBe(true);
    for (let seq = 1; seq <= 4100; seq += 2) batch.add('pve1', 'a', seq, 'stored');
    const acks = batch.take(5);
    expect(acks.map(({ ack }) => ack.seqs?.length)).toEqual([1024, 1024, 2]);
    expect(acks.every(({ ack }) => ackCheck.Check(ack))).toBe(true);
  });
});
