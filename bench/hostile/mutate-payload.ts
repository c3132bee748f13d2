import { gzipSync } from 'node:zlib';
import type { Sample } from '@hostwire/model';
import type { Dice } from './dice.ts';
import { mutateBytes } from './mutate-bytes.ts';

/** JSON has no way to say it, so it is put into the text where this stands. */
const TOO_LARGE_NUMBER = '@1e999@';

const ODD_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 0.1, 1e308, -1e-320, 2 ** 53, 2 ** 31, TOO_LARGE_NUMBER],
  ...['', ' ', '\u0000', '\ud800', '\ufffe', 'a,b=c d', 'back\\', '9223372036854775808', '-9223372036854775808', 'NaN', 'x'.repeat(2000)],
  ...[
    [],
    {},
    [[]],
    [null],
    { fields: {} },
    { fields: { a: 1 } },
    { tags: {}, fields: { a: 'text' } },
    { tags: { host: 'other' }, fields: { a: 1 } },
  ],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  Array.from({ length: 300 }, () => ({ fields: { v: 1 } })),
];

const ODD_KEYS: readonly string[] = [
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' ', 'host', 'time', 'a b', 'a,b', 'a=b', 'tag\\', '\n', '\u0000'],
  ...['\ud83d\ude00', '"', "'", 'usage_active', 'cpu', 'agent', 'x'.repeat(128), 'x'.repeat(129), '_', '-1', '0'],
];

type Container = Record<string, unknown> | unknown[];

/**
 * A payload that a host could send by accident or by malice: a few are valid all the same. What a payload is says its kind;
 * what must become of it, only the server knows.
 */
export function mutatePayload(
  sample: Sample,
  dice: Dice,
  corpus: readonly Buffer[],
): { readonly kind: PayloadKind; readonly payload: Buffer } {
  const kind = dice.one(KINDS);
  return { kind, payload: MAKERS[kind](sample, dice, corpus) };
}

type PayloadKind = 'structure' | 'bytes' | 'gzip' | 'damaged gzip' | 'random';

/** Some of them more often. */
const KINDS: readonly PayloadKind[] = [
  'structure',
  'structure',
  'structure',
  'structure',
  'bytes',
  'bytes',
  'gzip',
  'damaged gzip',
  'random',
];

const MAKERS: Readonly<Record<PayloadKind, (sample: Sample, dice: Dice, corpus: readonly Buffer[]) => Buffer>> = {
  structure: (sample, dice) => Buffer.from(oddText(sample, dice)),
  bytes: (sample, dice, corpus) => mutateBytes(Buffer.from(JSON.stringify(sample)), dice, corpus),
  gzip: (sample, dice) => gzipSync(dice.chance(0.5) ? JSON.stringify(sample) : oddText(sample, dice)),
  'damaged gzip': (sample, dice, corpus) => mutateBytes(gzipSync(JSON.stringify(sample)), dice, corpus),
  random: (_sample, dice) => dice.bytes(dice.below(400)),
};

function oddText(sample: Sample, dice: Dice): string {
  const copy = JSON.parse(JSON.stringify(sample)) as Record<string, unknown>;
  for (let changes = 1 + dice.below(3); changes > 0; changes--) change(somewhere(copy, dice), dice);
  return JSON.stringify(copy).replaceAll(`"${TOO_LARGE_NUMBER}"`, '1e999');
}

/** An object or list of the tree, deeper ones as likely as others. */
function somewhere(root: Container, dice: Dice): Container {
  let at = root;
  for (;;) {
    const below = Object.values(at).filter((value): value is Container => typeof value === 'object' && value !== null);
    if (below.length === 0 || dice.chance(0.25)) return at;
    at = dice.one(below);
  }
}

function change(container: Container, dice: Dice): void {
  // A copy: what is put in may be changed in its turn.
  const value = JSON.parse(JSON.stringify(dice.one(ODD_VALUES))) as unknown;
  if (Array.isArray(container)) {
    if (dice.chance(0.3)) container.length = 0;
    else container[dice.below(container.length + 1)] = value;
    return;
  }
  const known = Object.keys(container);
  const key = known.length > 0 && dice.chance(0.7) ? dice.one(known) : dice.one(ODD_KEYS);
  if (dice.chance(0.2)) delete container[key];
  // Plain assignment would set the prototype where the key says so.
  else Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}
