import { StoreError } from '../series-store.ts';

export type TokenKind = 'end' | 'ident' | 'string' | 'integer' | 'number' | 'duration' | 'regex' | 'symbol' | 'bad';

export interface Token {
  readonly kind: TokenKind;
  /** Identifiers and strings without quotes and escapes; everything else as written. */
  readonly text: string;
  /** True for `"quoted"` identifiers, which are never keywords. */
  readonly quoted: boolean;
  readonly start: number;
  readonly end: number;
}

/** Upper bound of a query's length in UTF-16 units: a parser must not be a way to occupy a worker. */
const MAX_QUERY_LENGTH = 1_000_000;

const SYMBOLS = [
  '::',
  '!=',
  '<>',
  '<=',
  '>=',
  '=~',
  '!~',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '(',
  ')',
  ',',
  ';',
  '.',
  ':',
];

const isSpace = (char: string) => char === ' ' || char === '\t' || char === '\n' || char === '\r';
const isDigit = (char: string) => char >= '0' && char <= '9';
const isWordStart = (char: string) => (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_';
const isWord = (char: string) => isWordStart(char) || isDigit(char);
/** The micro sign, which InfluxQL takes as a duration unit. */
const MICRO = '\u00b5';

/** Splits InfluxQL into tokens, on demand: whether `/` begins a regular expression is known to the parser only. */
export class Lexer {
  readonly source: string;

  constructor(source: string) {
    if (source.length > MAX_QUERY_LENGTH) throw new StoreError('query', `error parsing query: longer than ${MAX_QUERY_LENGTH} characters`);
    this.source = source;
  }

  /** The token at or after `offset`; kind `end` when there is none. */
  read(offset: number): Token {
    const start = this.skipSpace(offset);
    const char = this.source.charAt(start);
    if (char === '') return token('end', 'EOF', start, start);
    if (isWordStart(char)) return this.word(start);
    if (char === '"') return this.quoted(start, '"', 'ident');
    if (char === "'") return this.quoted(start, "'", 'string');
    if (isDigit(char) || (char === '.' && isDigit(this.source.charAt(start + 1)))) return this.number(start);
    const symbol = SYMBOLS.find((text) => this.source.startsWith(text, start));
    if (symbol !== undefined) return token('symbol', symbol, start, start + symbol.length);
    return token('bad', char, start, start + 1);
  }

  /** The regular expression that begins with the `/` at `start`. */
  readRegex(start: number): Token {
    let text = '';
    for (let at = start + 1; at < this.source.length; at++) {
      const char = this.source.charAt(at);
      if (char === '\n') break;
      if (char === '/') return token('regex', text, start, at + 1);
      if (char === '\\' && this.source.charAt(at + 1) === '/') {
        text += '/';
        at++;
      } else if (char === '\\') {
        text += char + this.source.charAt(at + 1);
        at++;
      } else text += char;
    }
    return token('bad', text, start, this.source.length);
  }

  /** Line and character of an offset as InfluxDB counts them in its messages, from 1. */
  position(offset: number): string {
    const before = this.source.slice(0, offset);
    const line = before.split('\n').length;
    return `line ${line}, char ${offset - before.lastIndexOf('\n')}`;
  }

  private skipSpace(offset: number): number {
    let at = offset;
    for (;;) {
      while (at < this.source.length && isSpace(this.source.charAt(at))) at++;
      if (this.source.startsWith('--', at)) {
        const line = this.source.indexOf('\n', at);
        at = line === -1 ? this.source.length : line + 1;
      } else if (this.source.startsWith('/*', at)) {
        const close = this.source.indexOf('*/', at + 2);
        at = close === -1 ? this.source.length : close + 2;
      } else return at;
    }
  }

  private word(start: number): Token {
    let end = start + 1;
    while (end < this.source.length && isWord(this.source.charAt(end))) end++;
    return token('ident', this.source.slice(start, end), start, end);
  }

  private quoted(start: number, quote: string, kind: 'ident' | 'string'): Token {
    let text = '';
    for (let at = start + 1; at < this.source.length; at++) {
      const char = this.source.charAt(at);
      if (char === quote) return { kind, text, quoted: kind === 'ident', start, end: at + 1 };
      if (char === '\n') break;
      if (char !== '\\') {
        text += char;
        continue;
      }
      const escaped = this.source.charAt(++at);
      if (escaped === 'n') text += '\n';
      else if (escaped === '\\' || escaped === '"' || escaped === "'") text += escaped;
      else return token('bad', `\\${escaped}`, at - 1, at + 1);
    }
    return token('bad', text, start, this.source.length);
  }

  private number(start: number): Token {
    let end = start;
    while (isDigit(this.source.charAt(end))) end++;
    if (this.source.charAt(end) === '.' && isDigit(this.source.charAt(end + 1))) {
      end++;
      while (isDigit(this.source.charAt(end))) end++;
      return token('number', this.source.slice(start, end), start, end);
    }
    const digits = end;
    while (isWord(this.source.charAt(end)) || this.source.charAt(end) === MICRO) end++;
    return token(end === digits ? 'integer' : 'duration', this.source.slice(start, end), start, end);
  }
}

function token(kind: TokenKind, text: string, start: number, end: number): Token {
  return { kind, text, quoted: false, start, end };
}
