const BARE = /^[A-Za-z0-9_@%+=:,./-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * One word as a POSIX shell would read it back (XCU 2.2): bare, in single quotes, or, where it holds control characters
 * that would break a line, as `$'...'` (XCU 2.2.4 of POSIX.1-2024, bash, ksh, zsh).
 */
export function quoteWord(word: string): string {
  if (BARE.test(word)) return word;
  if (!CONTROL.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  return `$'${word.replace(/[\x00-\x1f\x7f'\\]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`;
}

const TOKEN = /(?<space> +)|'(?<single>[^']*)'|\$'(?<escaped>(?:[^'\\]|\\.)*)'|\\(?<backslash>.)|(?<bare>[^ '\\$"]+|\$(?!')|")/gsy;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** The words of a line that `quoteWord` wrote, or null if a quote is not closed. */
export function parseWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let end = 0;
  for (const match of line.matchAll(TOKEN)) {
    end = match.index + match[0].length;
    const { space, single, escaped, backslash, bare } = match.groups ?? {};
    if (space !== undefined) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    const text: string = single ?? backslash ?? bare ?? unescapeWord(escaped ?? '');
    word = (word ?? '') + text;
  }
  if (end !== line.length) return null;
  if (word !== null) words.push(word);
  return words;
}

function unescapeWord(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/gs, (_match, hex: string | undefined, other: string | undefined) =>
    hex === undefined ? (ESCAPES[other ?? ''] ?? other ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
