import type { Call, Expr, Fill, Measurement, Ref, Select, SelectField, Source, Wildcard } from './ast.ts';
import type { Token } from './lexer.ts';
import { parseExpression } from './parse-expression.ts';
import type { TokenStream } from './token-stream.ts';

const MAX_SUBQUERIES = 16;

/** Thrown inside the parser for well-formed InfluxQL that Hostwire does not answer; its message names it. */
export class Unsupported extends Error {
  readonly what: string;
  constructor(what: string) {
    super(what);
    this.what = what;
  }
}

/** Everything after the word SELECT. */
export function parseSelect(tokens: TokenStream, depth = 0): Select {
  if (depth > MAX_SUBQUERIES) throw tokens.error(`subqueries deeper than ${MAX_SUBQUERIES} levels`);
  const fields = parseFields(tokens);
  if (tokens.isWord('INTO')) throw new Unsupported('SELECT INTO');
  tokens.expectWord('FROM');
  const sources = parseSources(tokens, depth);
  const where = parseWhere(tokens);
  const { dimensions, times } = parseGroupBy(tokens);
  const fill = parseFill(tokens);
  const descending = parseOrderBy(tokens);
  const limit = parseCount(tokens, 'LIMIT');
  const offset = parseCount(tokens, 'OFFSET');
  const slimit = parseCount(tokens, 'SLIMIT');
  const soffset = parseCount(tokens, 'SOFFSET');
  const timeZone = parseTimeZone(tokens);
  return { kind: 'select', fields, sources, where, dimensions, times, fill, descending, limit, offset, slimit, soffset, timeZone };
}

function parseFields(tokens: TokenStream): readonly SelectField[] {
  const fields: SelectField[] = [];
  do {
    const start = tokens.peek();
    const expr = parseExpression(tokens);
    refuseComparisons(tokens, expr, start);
    fields.push(tokens.acceptWord('AS') ? { expr, alias: tokens.identifier() } : { expr });
  } while (tokens.acceptSymbol(','));
  return fields;
}

const COMPARISONS = new Set(['AND', 'OR', '=', '!=', '<', '<=', '>', '>=', '=~', '!~']);

function refuseComparisons(tokens: TokenStream, expr: Expr, start: Token): void {
  if (expr.kind === 'paren') refuseComparisons(tokens, expr.expr, start);
  if (expr.kind !== 'binary') return;
  if (COMPARISONS.has(expr.op)) {
    throw tokens.error(`invalid operator ${expr.op} in SELECT clause at ${tokens.position(start)}; operator is intended for WHERE clause`);
  }
  refuseComparisons(tokens, expr.left, start);
  refuseComparisons(tokens, expr.right, start);
}

function parseSources(tokens: TokenStream, depth: number): readonly Source[] {
  const sources: Source[] = [];
  do {
    if (tokens.acceptSymbol('(')) {
      tokens.expectWord('SELECT');
      sources.push({ kind: 'subquery', select: parseSelect(tokens, depth + 1) });
      tokens.expectSymbol(')');
    } else sources.push(parseMeasurement(tokens));
  } while (tokens.acceptSymbol(','));
  return sources;
}

/** `m`, `/m/`, `rp.m`, `db.rp.m`, `db..m`; the last part may be a regular expression. */
export function parseMeasurement(tokens: TokenStream): Measurement {
  const parts: string[] = [];
  for (;;) {
    const regex = tokens.regex();
    if (regex !== null) return { kind: 'measurement', ...qualifiers(tokens, parts), regex };
    if (parts.length === 1 && tokens.isSymbol('.')) parts.push('');
    else parts.push(tokens.identifier());
    if (!tokens.acceptSymbol('.')) break;
  }
  const name = parts.pop() ?? '';
  return { kind: 'measurement', ...qualifiers(tokens, parts), name };
}

function qualifiers(tokens: TokenStream, parts: readonly string[]): Pick<Measurement, 'database' | 'retention'> {
  if (parts.length > 2) throw tokens.error('too many segments in a measurement name');
  const [first, second] = parts;
  if (first === undefined) return {};
  if (second === undefined) return { retention: first };
  return second === '' ? { database: first } : { database: first, retention: second };
}

export function parseWhere(tokens: TokenStream): Expr | null {
  return tokens.acceptWord('WHERE') ? parseExpression(tokens) : null;
}

function parseGroupBy(tokens: TokenStream): Pick<Select, 'dimensions' | 'times'> {
  const dimensions: (Ref | Wildcard | { kind: 'regex'; regex: RegExp })[] = [];
  const times: Call[] = [];
  if (!tokens.acceptWord('GROUP')) return { dimensions, times };
  tokens.expectWord('BY');
  do {
    const expr = parseExpression(tokens);
    if (expr.kind === 'call') times.push(expr);
    else if (expr.kind === 'ref' || expr.kind === 'wildcard' || expr.kind === 'regex') dimensions.push(expr);
    else times.push({ kind: 'call', name: '', args: [expr] });
  } while (tokens.acceptSymbol(','));
  return { dimensions, times };
}

function parseFill(tokens: TokenStream): Fill {
  const start = tokens.peek();
  if (!tokens.acceptWord('FILL')) return { kind: 'null' };
  if (!tokens.isSymbol('(')) {
    tokens.rewind(start);
    return { kind: 'null' };
  }
  tokens.take();
  const option = parseExpression(tokens);
  tokens.expectSymbol(')');
  if (option.kind === 'integer' || option.kind === 'number') return { kind: 'number', value: option.value };
  if (
    option.kind === 'ref' &&
    (option.name === 'null' || option.name === 'none' || option.name === 'previous' || option.name === 'linear')
  ) {
    return { kind: option.name };
  }
  throw tokens.error('expected number argument in fill()');
}

function parseOrderBy(tokens: TokenStream): boolean {
  if (!tokens.acceptWord('ORDER')) return false;
  tokens.expectWord('BY');
  if (tokens.acceptWord('DESC')) return true;
  if (tokens.acceptWord('ASC')) return false;
  if (tokens.identifier().toLowerCase() !== 'time') throw tokens.error('only ORDER BY time supported at this time');
  const descending = tokens.acceptWord('DESC');
  if (!descending) tokens.acceptWord('ASC');
  return descending;
}

/** The number after LIMIT, OFFSET, SLIMIT or SOFFSET; 0 when the clause is absent. */
export function parseCount(tokens: TokenStream, word: string): number {
  if (!tokens.acceptWord(word)) return 0;
  if (tokens.peek().kind !== 'integer') throw tokens.unexpected('integer');
  return Number(tokens.take().text);
}

function parseTimeZone(tokens: TokenStream): string | null {
  if (!tokens.acceptWord('TZ')) return null;
  tokens.expectSymbol('(');
  const token = tokens.take();
  if (token.kind !== 'string') throw tokens.error('tz must be called with a string');
  tokens.expectSymbol(')');
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: token.text });
  } catch {
    throw tokens.error(`unable to find time zone ${token.text}`);
  }
  return token.text;
}
