/** One line of a command, in pieces; `strong` is what it is all about. */
export type CommandLine = readonly { readonly text: string; readonly strong: boolean }[];

/** Characters of one line. */
const WIDTH = 84;

/** A long command as it is shown: broken before options, an address of its own and what follows it, every line but the last ended by a backslash, so that it can be typed as it stands. */
export function commandLines(command: string, code: string): readonly CommandLine[] {
  const lines: string[] = [];
  for (const piece of command.split(/ (?=--\w|[|&])|(?<!--[\w-]+) (?=https?:)/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + piece.length <= WIDTH) lines[lines.length - 1] = `${last} ${piece}`;
    else lines.push(lines.length === 0 ? piece : `  ${piece}`);
  }
  return lines.map((line, index) => emphasise(index === lines.length - 1 ? line : `${line} \\`, code));
}

function emphasise(line: string, code: string): CommandLine {
  const at = code === '' ? -1 : line.indexOf(code);
  if (at < 0) return [{ text: line, strong: false }];
  return [
    { text: line.slice(0, at), strong: false },
    { text: code, strong: true },
    { text: line.slice(at + code.length), strong: false },
  ].filter(({ text }) => text !== '');
}
