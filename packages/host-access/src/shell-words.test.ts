import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWords, quoteWord } from './shell-words.ts';

const word = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom("'", '"', '\\', '$', ' ', '\n', '\t', 'a', '-', '#', '\x00', '\x1f') }),
);

describe('shell words', () => {
  it('leaves plain words bare and quotes the others', () => {
    expect(['zpool', '-Hp', '--x=/dev/sda', "it's", '', 'a b', 'a\nb'].map(quoteWord)).toEqual([
      'zpool',
      '-Hp',
      '--x=/dev/sda',
      "'it'\\''s'",
      "''",
      "'a b'",
      "$'a\\x0ab'",
    ]);
  });

  it('reads back any words, each on one line', () => {
    fc.assert(
      fc.property(fc.array(word), (words) => {
        const line = words.map(quoteWord).join(' ');
        expect(line).not.toContain('\n');
        expect(parseWords(line)).toEqual(words);
      }),
    );
  });

  it('is what a shell reads', () => {
    const words = ["it's", 'a b', '$HOME', '`x`', '*', '\\', '~', '"', '!', 'a;b', '#', ''];
    const shell = spawnSync('sh', ['-c', `printf '%s\\n' ${words.map(quoteWord).join(' ')}`], { encoding: 'utf8' });
    expect(shell.stdout).toBe(words.map((w) => `${w}\n`).join(''));
  });

  it('says when a quote is not closed', () => {
    expect(parseWords("a 'b")).toBeNull();
    expect(parseWords("$'b")).toBeNull();
    expect(parseWords('a\\')).toBeNull();
  });
});
