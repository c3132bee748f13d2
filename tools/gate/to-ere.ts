/** Characters that mean something outside a class of an extended regular expression (POSIX XBD 9.4). */
const SPECIAL = '.[]\\()*+?{}|^$/';

/**
 * The extended regular expression (grep -E) that matches what a regular expression of JavaScript does, which has literals, classes,
 * groups, alternatives and counts. Throws an Error for what there is none for: lookarounds, references, lazy counts, other escapes.
 */
export function toEre(source: string): string {
  const refuse = (): never => {
    throw new Error(`the pattern ${source} of a command cannot be told to a gate: use literals, classes, groups, alternatives and counts`);
  };
  let out = '';
  for (let at = 0; at < source.length; at++) {
    const char = source[at] ?? '';
    const next = source[at + 1] ?? '';
    if (char === '[') {
      const end = endOfClass(source, at + 1);
      if (end === -1) return refuse();
      out += toClass(source.slice(at + 1, end), refuse);
      at = end;
    } else if (char === '\\') {
      at++;
      if (next === 'd') out += '[0-9]';
      else if (next === 'w') out += '[A-Za-z0-9_]';
      else if (SPECIAL.includes(next) && next !== '') out += next === '/' ? next : `\\${next}`;
      else if (next !== '' && /[^A-Za-z0-9]/.test(next)) out += next;
      else return refuse();
    } else if (char === '(' && next === '?') {
      if (source[at + 2] !== ':') return refuse();
      out += '(';
      at += 2;
    } else if ('*+?}'.includes(char) && next === '?') {
      return refuse();
    } else if ((char === '^' && at > 0) || (char === '$' && at < source.length - 1)) {
      return refuse();
    } else if (char !== '^' && char !== '$') {
      // The whole of the word is matched, so that anchors at the ends say nothing.
      out += char;
    }
  }
  return out;
}

function endOfClass(source: string, from: number): number {
  for (let at = from; at < source.length; at++) {
    if (source[at] === '\\') at++;
    else if (source[at] === ']') return at;
  }
  return -1;
}

/** A bracket expression, in which a backslash is itself, and `]`, `[`, `^` and `-` go by their places. */
function toClass(inside: string, refuse: () => never): string {
  const isNegated = inside.startsWith('^');
  const chars: string[] = [];
  const ranges: string[] = [];
  const text = isNegated ? inside.slice(1) : inside;
  /** One character of the class, and where it ends; null: a class of its own. */
  const read = (at: number): { readonly char: string | null; readonly end: number } => {
    if (text[at] !== '\\') return { char: text[at] ?? '', end: at + 1 };
    const escaped = text[at + 1] ?? '';
    if (escaped === 'd' || escaped === 'w') ranges.push(...(escaped === 'd' ? ['0-9'] : ['A-Z', 'a-z', '0-9', '_']));
    else if (/[A-Za-z0-9]/.test(escaped) || escaped === '') refuse();
    return { char: 'dw'.includes(escaped) ? null : escaped, end: at + 2 };
  };
  for (let at = 0; at < text.length; ) {
    const from = read(at);
    at = from.end;
    if (from.char === null) continue;
    if (text[at] !== '-' || at + 1 >= text.length) {
      chars.push(from.char);
      continue;
    }
    const to = read(at + 1);
    if (to.char === null || !/^[A-Za-z0-9 -~]$/.test(to.char) || '[]\\^-'.includes(from.char + to.char)) refuse();
    ranges.push(`${from.char}-${to.char}`);
    at = to.end;
  }
  const has = (char: string): string => (chars.includes(char) ? char : '');
  const plain = [...new Set(chars)].filter((char) => !'][^-'.includes(char)).join('');
  const last = `${has('[')}${has('^')}${has('-')}`;
  const body = `${has(']')}${ranges.join('')}${plain}${last}`;
  if (body === '^') return '\\^';
  return `[${isNegated ? '^' : ''}${body.startsWith('^') ? `${body.slice(1)}^` : body}]`;
}
