import { describe, expect, it } from 'vitest';
import { bucketAt } from './moment.ts';

describe('the bucket of a moment', () => {
  it('is the one that it lies in', () => {
    const times = [1000, 2000, 3000];
    expect(bucketAt(times, 1000, 2000)).toBe(1);
    expect(bucketAt(times, 1000, 2999)).toBe(1);
    expect(bucketAt(times, 1000, 3999)).toBe(2);
  });

  it('is none before, after, in a hole, and without a moment', () => {
    expect(bucketAt([1000, 2000], 1000, 999)).toBeNull();
    expect(bucketAt([1000, 2000], 1000, 3000)).toBeNull();
    expect(bucketAt([1000, 5000], 1000, 3000)).toBeNull();
    expect(bucketAt([], 1000, 3000)).toBeNull();
    expect(bucketAt([1000], 1000, null)).toBeNull();
  });
});
