import type { Measurement, Show, ShowFilter, Statement } from './ast.ts';
import { parseCount, parseMeasurement, parseSelect, parseWhere, Unsupported } from './parse-select.ts';
import { TokenStream } from './token-stream.ts';

/**
 * Parses statements divided by `;`. Throws StoreError `query` with InfluxDB's own words for what is no InfluxQL; what
 * is InfluxQL and not answered here becomes a statement of kind `unsupported`.
 */
export function parseQuery(influxql: string): readonly Statement[] {
  const tokens = new TokenStream(influxql);
  const statements: Statement[] = [];
  for (;;) {
    while (tokens.acceptSymbol(';'));
    if (tokens.peek().kind === 'end') return statements;
    statements.push(parseStatement(tokens));
    if (tokens.peek().kind !== 'end' && !tokens.isSymbol(';')) throw tokens.unexpected(';', 'EOF');
  }
}

const NOT_ANSWERED = ['ALTER', 'BEGIN', 'CREATE', 'DELETE', 'DROP', 'EXPLAIN', 'GRANT', 'KILL', 'REVOKE', 'SET'];

function parseStatement(tokens: TokenStream): Statement {
  try {
    if (tokens.acceptWord('SELECT')) return parseSelect(tokens);
    if (tokens.acceptWord('SHOW')) return parseShow(tokens);
    if (tokens.acceptWord('CREATE', 'DATABASE')) return parseCreateDatabase(tokens);
    const word = NOT_ANSWERED.find((candidate) => tokens.isWord(candidate));
    if (word !== undefined) throw new Unsupported(nameOfStatement(tokens));
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    skipStatement(tokens);
    return { kind: 'unsupported', what: error.what };
  }
  throw tokens.unexpected('SELECT', 'SHOW', 'CREATE');
}

/** The statement's leading words, e.g. `DROP SERIES`. */
function nameOfStatement(tokens: TokenStream): string {
  const words: string[] = [];
  while (words.length < 2 && tokens.peek().kind === 'ident' && !tokens.peek().quoted) words.push(tokens.take().text.toUpperCase());
  return words.join(' ');
}

function skipStatement(tokens: TokenStream): void {
  while (tokens.peek().kind !== 'end' && !tokens.isSymbol(';')) if (tokens.regex() === null) tokens.take();
}

function parseCreateDatabase(tokens: TokenStream): Statement {
  const name = tokens.identifier();
  // Retention is a setting of the server here; the clause is read so that Telegraf's and others' statement succeeds.
  if (tokens.isWord('WITH')) skipStatement(tokens);
  return { kind: 'create-database', name };
}

function parseShow(tokens: TokenStream): Show {
  if (tokens.acceptWord('DATABASES')) return { kind: 'show-databases' };
  if (tokens.acceptWord('RETENTION', 'POLICIES')) return { kind: 'show-retention-policies', database: parseOn(tokens) };
  if (tokens.acceptWord('MEASUREMENTS')) return parseShowMeasurements(tokens);
  if (tokens.acceptWord('TAG', 'KEYS')) return { kind: 'show-tag-keys', ...parseFilter(tokens) };
  if (tokens.acceptWord('FIELD', 'KEYS')) return { kind: 'show-field-keys', ...parseFilter(tokens) };
  if (tokens.acceptWord('TAG', 'VALUES')) return parseShowTagValues(tokens);
  const start = tokens.peek();
  if (tokens.acceptWord('SERIES')) {
    if (!tokens.isWord('CARDINALITY') && !tokens.isWord('EXACT')) return { kind: 'show-series', ...parseFilter(tokens) };
    tokens.rewind(start);
  }
  if (tokens.peek().kind !== 'ident') throw tokens.unexpected('DATABASES', 'MEASUREMENTS', 'TAG', 'FIELD', 'SERIES', 'RETENTION');
  throw new Unsupported(`SHOW ${nameOfStatement(tokens)}`);
}

function parseOn(tokens: TokenStream): string | null {
  return tokens.acceptWord('ON') ? tokens.identifier() : null;
}

function parseFrom(tokens: TokenStream): readonly Measurement[] {
  const sources: Measurement[] = [];
  if (!tokens.acceptWord('FROM')) return sources;
  do sources.push(parseMeasurement(tokens));
  while (tokens.acceptSymbol(','));
  return sources;
}

function parseTail(tokens: TokenStream): Pick<ShowFilter, 'where' | 'limit' | 'offset'> {
  const where = parseWhere(tokens);
  if (tokens.acceptWord('ORDER', 'BY')) skipOrder(tokens);
  return { where, limit: parseCount(tokens, 'LIMIT'), offset: parseCount(tokens, 'OFFSET') };
}

/** SHOW's answers are sorted by name whatever the clause says, in InfluxDB as well. */
function skipOrder(tokens: TokenStream): void {
  if (!tokens.isWord('ASC') && !tokens.isWord('DESC')) tokens.identifier();
  if (!tokens.acceptWord('ASC')) tokens.acceptWord('DESC');
}

function parseFilter(tokens: TokenStream): ShowFilter {
  return { database: parseOn(tokens), sources: parseFrom(tokens), ...parseTail(tokens) };
}

function parseShowMeasurements(tokens: TokenStream): Show {
  const database = parseOn(tokens);
  const sources: Measurement[] = [];
  if (tokens.acceptWord('WITH')) {
    tokens.expectWord('MEASUREMENT');
    if (!tokens.acceptSymbol('=') && !tokens.acceptSymbol('=~')) throw tokens.unexpected('=', '=~');
    sources.push(parseMeasurement(tokens));
  }
  return { kind: 'show-measurements', database, sources, ...parseTail(tokens) };
}

function parseShowTagValues(tokens: TokenStream): Show {
  const database = parseOn(tokens);
  const sources = parseFrom(tokens);
  tokens.expectWord('WITH', 'KEY');
  const keys = parseKeys(tokens);
  return { kind: 'show-tag-values', database, sources, keys, ...parseTail(tokens) };
}

function parseKeys(tokens: TokenStream): (Show & { kind: 'show-tag-values' })['keys'] {
  if (tokens.acceptWord('IN')) {
    tokens.expectSymbol('(');
    const names: string[] = [];
    do names.push(tokens.identifier());
    while (tokens.acceptSymbol(','));
    tokens.expectSymbol(')');
    return { op: '=', names };
  }
  for (const op of ['=', '!='] as const) if (tokens.acceptSymbol(op)) return { op, names: [tokens.identifier()] };
  for (const op of ['=~', '!~'] as const) {
    if (!tokens.acceptSymbol(op)) continue;
    const regex = tokens.regex();
    if (regex === null) throw tokens.unexpected('regex');
    return { op, regex };
  }
  throw tokens.unexpected('IN', '=', '!=', '=~', '!~');
}
