import { spawnSync } from 'node:child_process';
import { COLLECTORS } from '@hostwire/collectors';
import { expect, it } from 'vitest';
import { toEre } from './to-ere.ts';

/** Which of the words grep -E finds the whole of. */
function grep(ere: string, words: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync('grep', ['-Ex', '-e', ere], {
    input: `${words.join('\n')}\n`,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

const ALPHABET = [...'abzAZ09_-.^$[]\\/:@*?+(){}|,;# %'];
const WORDS = ALPHABET.flatMap((first) => [first, ...ALPHABET.map((second) => first + second), `${first}12`, `/dev/${first}`]);
const OWN = [
  '[]a]',
  '[^]a]',
  '[\\]a]',
  '[\\[a^-]',
  '[^a-z]',
  '[a\\-z]',
  '[\\\\a]',
  '[\\w.]',
  '\\d+|x',
  '(?:a|b)[0-9]{1,2}',
  'a\\.b\\/c',
  '\\$\\^',
  '[a-z-]',
  '[\\^]',
].filter(
  // JavaScript has an empty class where POSIX has a bracket.
  (source) => !source.startsWith('[]') && !source.startsWith('[^]'),
);
const PATTERNS = COLLECTORS.flatMap(({ needs }) => needs?.commands ?? []).flatMap(({ args }) =>
  args.flatMap((arg) => (typeof arg === 'string' ? [] : [arg.pattern])),
);

it.each([...new Set([...OWN, ...PATTERNS])])('%s matches the same words for a shell', (source) => {
  const whole = new RegExp(`^(?:${source})$`);
  expect(grep(toEre(source), WORDS)).toEqual(WORDS.filter((word) => whole.test(word)));
});

it.each(['(?=a)', 'a*?', '(a)\\1', '\\s', '\\bword', 'a^b', '[\\s]', '[a'])('%s is refused', (source) => {
  expect(() => toEre(source)).toThrow(/cannot be told to a gate/);
});
