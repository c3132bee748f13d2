import type { Dice } from './dice.ts';

/** What boundaries are made of. */
const ODD_BYTES = [0x00, 0x01, 0x0a, 0x22, 0x2b, 0x23, 0x24, 0x2f, 0x5c, 0x7b, 0x7f, 0x80, 0xc0, 0xef, 0xfe, 0xff];

type Mutation = (bytes: Buffer, dice: Dice, corpus: readonly Buffer[]) => Buffer;

const cut = (bytes: Buffer, dice: Dice): [from: number, to: number] => {
  const from = dice.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + dice.below(16))];
};

const changed = (bytes: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at] = value;
  return copy;
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, dice) => {
    const at = dice.below(bytes.length);
    return changed(bytes, at, (bytes[at] ?? 0) ^ (1 << dice.below(8)));
  },
  (bytes, dice) => changed(bytes, dice.below(bytes.length), dice.below(256)),
  (bytes, dice) => changed(bytes, dice.below(bytes.length), dice.one(ODD_BYTES)),
  // Headers and lengths stand at the beginning.
  (bytes, dice) => changed(bytes, dice.below(Math.min(16, bytes.length)), dice.one(ODD_BYTES)),
  (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (bytes, dice) => bytes.subarray(dice.below(bytes.length + 1)),
  (bytes, dice) => {
    const [from, to] = cut(bytes, dice);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, dice) => {
    const [from, to] = cut(bytes, dice);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, dice) => {
    const [at] = cut(bytes, dice);
    return Buffer.concat([bytes.subarray(0, at), dice.bytes(1 + dice.below(24)), bytes.subarray(at)]);
  },
  (bytes, dice, corpus) => {
    const other = dice.one(corpus);
    return Buffer.concat([bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1))]);
  },
];

/** One to four random changes of `bytes`; `corpus` is what is spliced in. Never longer than both and some bytes. */
export function mutateBytes(bytes: Buffer, dice: Dice, corpus: readonly Buffer[]): Buffer {
  let mutated = bytes;
  for (let changes = dice.chance(0.5) ? 1 : 2 + dice.below(3); changes > 0; changes--) mutated = dice.one(MUTATIONS)(mutated, dice, corpus);
  return mutated;
}
