import type { BinaryOp, Cast, Expr, Ref } from './ast.ts';
import { parseDuration } from './duration.ts';
import { isKeyword, type TokenStream } from './token-stream.ts';

const PRECEDENCE: Readonly<Record<string, number>> = {
  OR: 1,
  AND: 2,
  '=': 3,
  '!=': 3,
  '<>': 3,
  '=~': 3,
  '!~': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '|': 4,
  '^': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  '&': 5,
};
const CASTS = new Set<string>(['field', 'tag', 'float', 'integer', 'string', 'boolean']);
/** Deeper expressions are refused before they exhaust the stack. */
const MAX_DEPTH = 200;

const MAX_INT = 9223372036854775807n;

/** Precedence climbing; every operator is left associative (the InfluxQL specification, "Operators"). */
export function parseExpression(tokens: TokenStream, depth = 0, floor = 1): Expr {
  if (depth > MAX_DEPTH) throw tokens.error(`expression deeper than ${MAX_DEPTH} levels`);
  let left = parseUnary(tokens, depth);
  let links = 0;
  for (;;) {
    const op = peekOperator(tokens);
    const level = op === null ? 0 : (PRECEDENCE[op] ?? 0);
    if (op === null || level < floor) return left;
    // A long chain makes a deep tree on the left, which the tree's readers walk recursively.
    if (++links > 2000) throw tokens.error('expression longer than 2000 operators');
    tokens.take();
    left = { kind: 'binary', op, left, right: parseRight(tokens, op, depth, level) };
  }
}

function parseRight(tokens: TokenStream, op: BinaryOp, depth: number, level: number): Expr {
  if (op !== '=~' && op !== '!~') return parseExpression(tokens, depth + 1, level + 1);
  const regex = tokens.regex();
  if (regex === null) throw tokens.unexpected('regex');
  return { kind: 'regex', regex };
}

function peekOperator(tokens: TokenStream): BinaryOp | null {
  const token = tokens.peek();
  if (token.quoted || (token.kind !== 'symbol' && token.kind !== 'ident')) return null;
  const text = token.text.toUpperCase();
  if (PRECEDENCE[text] === undefined) return null;
  return (text === '<>' ? '!=' : text) as BinaryOp;
}

function parseUnary(tokens: TokenStream, depth: number): Expr {
  if (tokens.acceptSymbol('(')) {
    const expr = parseExpression(tokens, depth + 1);
    tokens.expectSymbol(')');
    return { kind: 'paren', expr };
  }
  if (tokens.acceptSymbol('+')) return parseUnary(tokens, depth + 1);
  if (tokens.isSymbol('-')) return parseNegative(tokens, depth);
  const regex = tokens.regex();
  if (regex !== null) return { kind: 'regex', regex };
  if (tokens.acceptSymbol('*')) return parseWildcard(tokens);
  const token = tokens.peek();
  switch (token.kind) {
    case 'string':
      return { kind: 'string', value: tokens.take().text };
    case 'integer': {
      const value = BigInt(tokens.take().text);
      return value > MAX_INT ? { kind: 'number', value: Number(value) } : { kind: 'integer', value };
    }
    case 'number':
      return { kind: 'number', value: Number(tokens.take().text) };
    case 'duration': {
      const ns = parseDuration(token.text);
      if (ns === null) throw tokens.error(`invalid duration ${token.text}`);
      tokens.take();
      return { kind: 'duration', ns };
    }
    case 'ident':
      return parseName(tokens, depth);
    case 'bad':
    case 'end':
    case 'regex':
    case 'symbol':
      throw tokens.unexpected('identifier', 'string', 'number', 'bool');
  }
}

function parseNegative(tokens: TokenStream, depth: number): Expr {
  tokens.take();
  const expr = parseUnary(tokens, depth + 1);
  if (expr.kind === 'integer') return { kind: 'integer', value: -expr.value };
  if (expr.kind === 'number') {
    return expr.value === Number(MAX_INT + 1n) ? { kind: 'integer', value: -MAX_INT - 1n } : { kind: 'number', value: -expr.value };
  }
  if (expr.kind === 'duration') return { kind: 'duration', ns: -expr.ns };
  if (expr.kind === 'ref' || expr.kind === 'call' || expr.kind === 'paren') {
    return { kind: 'binary', op: '*', left: { kind: 'integer', value: -1n }, right: expr };
  }
  throw tokens.unexpected('identifier', 'number', 'duration', '(');
}

function parseWildcard(tokens: TokenStream): Expr {
  if (!tokens.acceptSymbol('::')) return { kind: 'wildcard' };
  if (tokens.acceptWord('FIELD')) return { kind: 'wildcard', cast: 'field' };
  if (tokens.acceptWord('TAG')) return { kind: 'wildcard', cast: 'tag' };
  throw tokens.unexpected('field', 'tag');
}

function parseName(tokens: TokenStream, depth: number): Expr {
  const token = tokens.peek();
  if (tokens.acceptWord('TRUE')) return { kind: 'boolean', value: true };
  if (tokens.acceptWord('FALSE')) return { kind: 'boolean', value: false };
  const distinct = tokens.acceptWord('DISTINCT');
  if (distinct && !tokens.isSymbol('(')) return { kind: 'call', name: 'distinct', args: [{ kind: 'ref', name: tokens.identifier() }] };
  if (!distinct) {
    if (!token.quoted && isKeyword(token.text)) throw tokens.unexpected('identifier', 'string', 'number', 'bool');
    tokens.take();
  }
  if (!token.quoted && tokens.acceptSymbol('('))
    return { kind: 'call', name: token.text.toLowerCase(), args: parseArguments(tokens, depth) };
  return parseRef(tokens, token.text);
}

function parseArguments(tokens: TokenStream, depth: number): readonly Expr[] {
  const args: Expr[] = [];
  if (tokens.acceptSymbol(')')) return args;
  do args.push(parseExpression(tokens, depth + 1));
  while (tokens.acceptSymbol(','));
  tokens.expectSymbol(')');
  return args;
}

function parseRef(tokens: TokenStream, first: string): Ref {
  let name = first;
  while (tokens.acceptSymbol('.')) name += `.${tokens.identifier()}`;
  if (!tokens.acceptSymbol('::')) return { kind: 'ref', name };
  const cast = tokens.take().text.toLowerCase();
  if (!CASTS.has(cast)) throw tokens.error(`found ${cast}, expected float, integer, string, boolean, field, tag`);
  return { kind: 'ref', name, cast: cast as Cast };
}
