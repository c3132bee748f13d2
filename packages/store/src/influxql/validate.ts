import { StoreError } from '../series-store.ts';
import type { Call, Expr, Select } from './ast.ts';
import { isMathFunction } from './scalar.ts';
import { isTransform } from './stream-plan.ts';

/** Functions of InfluxQL 1.x that are not answered here. */
const UNANSWERED = new Set(['top', 'bottom', 'sample', 'integral', 'holt_winters', 'holt_winters_with_fit', 'histogram']);
const AGGREGATES = new Set(['count', 'sum', 'mean', 'median', 'mode', 'stddev', 'spread']);
const SIMPLE_SELECTORS = new Set(['min', 'max', 'first', 'last']);

function invalid(message: string): StoreError {
  return new StoreError('query', message);
}

/** What the fields of a statement are, gathered while they are checked. */
interface Findings {
  calls: number;
  onlySelectors: boolean;
  distinct: boolean;
  plainFields: boolean;
}

/** Checks what InfluxDB 1.x checks before it reads (query/compile.go) and throws StoreError `query` in its words. */
export function validateSelect(select: Select, hasInterval: boolean, inheritsInterval: boolean): void {
  const found: Findings = { calls: 0, onlySelectors: true, distinct: false, plainFields: false };
  const fields = select.fields.filter(({ expr }) => expr.kind !== 'ref' || expr.name !== 'time');
  for (const { expr } of fields)
    checkExpression(expr, found, { interval: hasInterval || inheritsInterval, strict: hasInterval, patterns: true });
  for (const dimension of select.dimensions) {
    if (dimension.kind === 'ref' && dimension.name.toLowerCase() === 'time') {
      throw invalid('time() is a function and expects at least one argument');
    }
  }
  if (fields.length === 0) throw invalid('at least 1 non-time field must be queried');
  if (found.calls === 0) {
    if (select.fill.kind === 'none' || select.fill.kind === 'linear')
      throw invalid(`fill(${select.fill.kind}) must be used with a function`);
    if (hasInterval) throw invalid('GROUP BY requires at least one aggregate function');
  }
  if (found.distinct && (found.calls !== 1 || found.plainFields)) {
    throw invalid('aggregate function distinct() cannot be combined with other functions or fields');
  }
  if (!found.plainFields) return;
  if (!found.onlySelectors) throw invalid('mixing aggregate and non-aggregate queries is not supported');
  if (found.calls > 1) throw invalid('mixing multiple selector functions with tags or fields is not supported');
}

interface Place {
  readonly interval: boolean;
  /** The interval is the statement's own. */
  readonly strict: boolean;
  /** `*` and regular expressions may stand here. */
  readonly patterns: boolean;
}

function isLiteral(expr: Expr): boolean {
  return ['integer', 'number', 'string', 'boolean', 'duration'].includes(expr.kind);
}

function checkExpression(expr: Expr, found: Findings, place: Place): void {
  switch (expr.kind) {
    case 'ref':
      found.plainFields = true;
      return;
    case 'wildcard':
    case 'regex':
      if (!place.patterns) throw invalid(`unable to use ${expr.kind} in a binary expression`);
      found.plainFields = true;
      return;
    case 'call':
      if (isMathFunction(expr.name)) {
        for (const arg of expr.args) if (!isLiteral(arg)) checkExpression(arg, found, { ...place, patterns: false });
      } else checkCall(expr, found, place);
      return;
    case 'paren':
      checkExpression(expr.expr, found, place);
      return;
    case 'binary': {
      const sides = [expr.left, expr.right].filter((side) => !isLiteral(side));
      if (sides.length === 0) throw invalid('field must contain at least one variable');
      for (const side of sides) checkExpression(side, found, { ...place, patterns: false });
      return;
    }
    case 'boolean':
    case 'duration':
    case 'integer':
    case 'number':
    case 'string':
      throw invalid('field must contain at least one variable');
  }
}

function checkCall(call: Call, found: Findings, place: Place): void {
  found.calls++;
  const { name, args } = call;
  if (UNANSWERED.has(name)) throw invalid(`hostwire: ${name}() is not supported`);
  if (isTransform(name)) {
    checkTransform(call, found, place);
    return;
  }
  if (name === 'distinct') {
    checkDistinct(args, found, false);
    return;
  }
  if (name === 'percentile') {
    countArguments(name, args, 2);
    if (args[1]?.kind !== 'integer' && args[1]?.kind !== 'number') throw invalid('expected float argument in percentile()');
  } else if (AGGREGATES.has(name)) found.onlySelectors = false;
  else if (!SIMPLE_SELECTORS.has(name)) throw invalid(`undefined function ${name}()`);
  if (name !== 'percentile') countArguments(name, args, 1);
  const first = args[0];
  if (name === 'count' && first?.kind === 'call' && first.name === 'distinct') checkDistinct(first.args, found, true);
  else checkSymbol(name, first, found, place);
}

function countArguments(name: string, args: readonly Expr[], wanted: number): void {
  if (args.length !== wanted) throw invalid(`invalid number of arguments for ${name}, expected ${wanted}, got ${args.length}`);
}

function checkDistinct(args: readonly Expr[], found: Findings, nested: boolean): void {
  if (args.length === 0) throw invalid('distinct function requires at least one argument');
  if (args.length !== 1) throw invalid('distinct function can only have one argument');
  if (args[0]?.kind !== 'ref') throw invalid('expected field argument in distinct()');
  if (!nested) found.distinct = true;
  found.onlySelectors = false;
}

function checkSymbol(name: string, arg: Expr | undefined, found: Findings, place: Place): void {
  if (arg?.kind === 'ref') return;
  if (arg?.kind !== 'wildcard' && arg?.kind !== 'regex') throw invalid(`expected field argument in ${name}()`);
  if (!place.patterns) throw invalid(`unsupported expression with ${arg.kind === 'regex' ? 'regex field' : 'wildcard'}: ${name}()`);
  found.onlySelectors = false;
}

function checkTransform(call: Call, found: Findings, place: Place): void {
  const { name, args } = call;
  const [first, second] = args;
  const takesUnit = name.endsWith('derivative') || name === 'elapsed';
  if (name === 'moving_average') {
    countArguments(name, args, 2);
    if (second?.kind !== 'integer') throw invalid('second argument for moving_average must be an integer');
    if (second.value <= 1n) throw invalid(`moving_average window must be greater than 1, got ${second.value}`);
    if (second.value > 1_000_000n) throw invalid('hostwire: moving_average over more than 1000000 points is not supported');
  } else if (!takesUnit) countArguments(name, args, 1);
  else if (args.length < 1 || args.length > 2) {
    throw invalid(`invalid number of arguments for ${name}, expected at least 1 but no more than 2, got ${args.length}`);
  }
  if (takesUnit && second !== undefined) {
    if (second.kind !== 'duration') throw invalid(`second argument to ${name} must be a duration`);
    if (second.ns <= 0n) throw invalid(`duration argument must be positive, got ${second.ns}ns`);
  }
  found.onlySelectors = false;
  if (first?.kind !== 'call') {
    if (place.strict) throw invalid(`aggregate function required inside the call to ${name}`);
    checkSymbol(name, first, found, place);
    return;
  }
  if (!place.interval) throw invalid(`${name} aggregate requires a GROUP BY interval`);
  if (first.name === 'distinct') checkDistinct(first.args, found, true);
  else checkCall(first, { ...found }, place);
}

/** A WHERE may call mathematical functions only. */
export function validateCondition(expr: Expr): void {
  if (expr.kind === 'paren') validateCondition(expr.expr);
  else if (expr.kind === 'binary') {
    validateCondition(expr.left);
    validateCondition(expr.right);
  } else if (expr.kind === 'call') {
    if (!isMathFunction(expr.name)) throw invalid(`invalid function call in condition: ${expr.name}()`);
    for (const arg of expr.args) validateCondition(arg);
  }
}
