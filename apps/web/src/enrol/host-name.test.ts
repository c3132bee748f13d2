import { expect, it } from 'vitest';
import { isHostId } from '../host/host-id.ts';
import { likeHostId, nameProblem } from './host-name.ts';

const taken = (name: string): boolean => name === 'pi-01';

it.each([
  ['pi-04', null],
  ['pi-01', 'Another host has this name.'],
  ['add', 'The dashboard uses this name itself.'],
  ['Pi 04', 'A name has no spaces. Try pi-04.'],
  ['Pi-04', 'A name has no capital letters. Try pi-04.'],
  ['-pi', 'A name begins with a letter or digit. Try pi.'],
  ['pi/04', 'Letters, digits, dot, dash, underscore only. Try pi04.'],
  ['\u00fc', 'Letters, digits, dot, dash, underscore only.'],
])('says of %j: %s', (text, problem) => {
  expect(nameProblem(text, taken)).toBe(problem);
});

it.each(['', ' ', '...', '-_-x', 'A'.repeat(80), '\u00fc \u00e4', '<img>', 'a\tb', '../../etc'])(
  'proposes a name or nothing for %j',
  (text) => {
    expect(likeHostId(text) === '' || isHostId(likeHostId(text))).toBe(true);
  },
);
