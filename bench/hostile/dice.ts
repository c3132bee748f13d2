import { generator } from '../faults/random.ts';

/** Chance that a seed repeats. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = generator(seed);
  }

  /** Dice of their own for the `index`-th of many, so that what one rolls does not depend on who else rolls when. */
  static of(seed: number, index: number): Dice {
    return new Dice(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  }

  /** A whole number, 0 or more and less than `bound`. */
  below(bound: number): number {
    return Math.floor(this.#next() * bound);
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  chance(part: number): boolean {
    return this.#next() < part;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let i = 0; i < count; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** Of the environment variable `name`, or `fallback`. */
export function sizeOf(name: string, fallback: number): number {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0`);
  return value;
}

/** HOSTWIRE_SEED, or one of this moment. */
export const SEED = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() % 1_000_000);
