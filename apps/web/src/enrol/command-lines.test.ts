import { expect, it } from 'vitest';
import { commandLines } from './command-lines.ts';

const text = (command: string): string[] => commandLines(command, 'CODE').map((line) => line.map((piece) => piece.text).join(''));

it('breaks a command before its options, so that it can be typed as it stands', () => {
  const command = `curl -fsSk --pinnedpubkey 'sha256//${'x'.repeat(44)}' https://h:8080/install.sh | sudo sh -s -- --server https://h:8080 --host pi-04 --code CODE`;
  const lines = text(command);
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.slice(0, -1).every((line) => line.endsWith(' \\'))).toBe(true);
  expect(lines.join('\n').replace(/ \\\n {2}/g, ' ')).toBe(command);
  expect(lines.some((line) => / --server https:/.test(line))).toBe(true);
  expect(text('ls')).toEqual(['ls']);
});

it('sets the code apart', () => {
  expect(commandLines('run --code CODE now', 'CODE')).toEqual([
    [
      { text: 'run --code ', strong: false },
      { text: 'CODE', strong: true },
      { text: ' now', strong: false },
    ],
  ]);
});
