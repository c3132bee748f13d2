import { StoreError } from '../series-store.ts';
import { Lexer, type Token } from './lexer.ts';

/** Words that are never unquoted identifiers in InfluxQL 1.x. */
const KEYWORDS = new Set(
  (
    'ALL ALTER ANALYZE AND ANY AS ASC BEGIN BY CARDINALITY CONTINUOUS CREATE DATABASE DATABASES DEFAULT DELETE DESC DESTINATIONS DIAGNOSTICS ' +
    'DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FIELD FOR FROM GRANT GRANTS GROUP GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT ' +
    'MEASUREMENTS NAME NOT OFFSET ON OR ORDER PASSWORD POLICY POLICIES PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE RETENTION REVOKE ' +
    'SELECT SERIES SET SHARD SHARDS SLIMIT SOFFSET SHOW STATS SUBSCRIPTION SUBSCRIPTIONS TAG TO USER USERS VALUES WHERE WITH WRITE TRUE FALSE'
  ).split(' '),
);

export function isKeyword(word: string): boolean {
  return KEYWORDS.has(word.toUpperCase());
}

/** The parser's window on the tokens: the next one, and the errors that InfluxDB would give. */
export class TokenStream {
  private readonly lexer: Lexer;
  private offset = 0;
  private ahead: Token | null = null;

  constructor(source: string) {
    this.lexer = new Lexer(source);
  }

  peek(): Token {
    this.ahead ??= this.lexer.read(this.offset);
    return this.ahead;
  }

  take(): Token {
    const token = this.peek();
    this.offset = token.end;
    this.ahead = null;
    return token;
  }

  /** Goes back (or on) to the beginning of a token that was read before. */
  rewind(token: Token): void {
    this.offset = token.start;
    this.ahead = null;
  }

  isWord(word: string): boolean {
    const token = this.peek();
    return token.kind === 'ident' && !token.quoted && token.text.toUpperCase() === word;
  }

  isSymbol(symbol: string): boolean {
    const token = this.peek();
    return token.kind === 'symbol' && token.text === symbol;
  }

  acceptWord(...words: readonly string[]): boolean {
    const first = this.peek();
    for (const word of words) {
      if (!this.isWord(word)) {
        this.rewind(first);
        return false;
      }
      this.take();
    }
    return true;
  }

  acceptSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.take();
    return true;
  }

  expectWord(...words: readonly string[]): void {
    for (const word of words) if (!this.acceptWord(word)) throw this.unexpected(word);
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.unexpected(symbol);
  }

  /** A quoted or plain identifier. */
  identifier(): string {
    const token = this.peek();
    if (token.kind !== 'ident' || (!token.quoted && isKeyword(token.text))) throw this.unexpected('identifier');
    return this.take().text;
  }

  /** The regular expression that begins at the next token, or null if none does. */
  regex(): RegExp | null {
    const token = this.peek();
    if (token.kind !== 'symbol' || token.text !== '/') return null;
    const regex = this.lexer.readRegex(token.start);
    if (regex.kind === 'bad') throw this.error(`bad regex at ${this.lexer.position(token.start)}`);
    this.offset = regex.end;
    this.ahead = null;
    return this.compile(regex.text);
  }

  unexpected(...expected: readonly string[]): StoreError {
    const token = this.peek();
    const found = token.kind === 'ident' && !token.quoted && isKeyword(token.text) ? token.text.toUpperCase() : token.text;
    return this.error(`found ${found}, expected ${expected.join(', ')} at ${this.lexer.position(token.start)}`);
  }

  position(token: Token): string {
    return this.lexer.position(token.start);
  }

  error(message: string): StoreError {
    return new StoreError('query', `error parsing query: ${message}`);
  }

  /** InfluxQL's regular expressions are Go's; what JavaScript spells otherwise is translated. */
  private compile(source: string): RegExp {
    const flags = /^\(\?([ims]+)\)/.exec(source);
    const body = (flags === null ? source : source.slice(flags[0].length))
      .replaceAll('(?P<', '(?<')
      .replaceAll('\\A', '^')
      .replaceAll('\\z', '$');
    try {
      return new RegExp(body, flags?.[1] ?? '');
    } catch (cause) {
      throw new StoreError('query', `error parsing query: error parsing regexp: ${(cause as Error).message}`, { cause });
    }
  }
}
