import type { FieldType } from '@hostwire/model';
import { StoreError } from '../series-store.ts';
import type { Binary, Call, CompareOp, Expr, MathOp, Ref } from './ast.ts';
import { applyMath, compareValues, fromBig, isNumeric, mathType, typeName, type Value } from './values.ts';

/** An expression made ready to be evaluated on a row of values, which its references index. */
export interface Scalar {
  /** Null: unknown, every value is null. */
  readonly type: FieldType | null;
  readonly evaluate: (row: readonly Value[]) => Value;
}

/** Where a reference or an aggregate call stands in the row, or what it always is. */
export type Resolve = (expr: Ref | Call) => { readonly index: number; readonly type: FieldType | null } | { readonly constant: Value };

const MATH = new Set(['+', '-', '*', '/', '%', '&', '|', '^']);

/** `strict`: arithmetic on types that cannot be is an error (as in the fields of a SELECT), else null (as in a WHERE). */
export function compileScalar(expr: Expr, resolve: Resolve, strict = false): Scalar {
  switch (expr.kind) {
    case 'paren':
      return compileScalar(expr.expr, resolve, strict);
    case 'integer':
      return constant('int', fromBig(expr.value));
    case 'number':
      return constant('float', expr.value);
    case 'string':
      return constant('string', expr.value);
    case 'boolean':
      return constant('bool', expr.value);
    case 'duration':
      return constant('int', fromBig(expr.ns));
    case 'ref':
      return reference(resolve(expr));
    case 'call':
      return isMathFunction(expr.name) ? compileFunction(expr, resolve, strict) : reference(resolve(expr));
    case 'binary':
      return compileBinary(expr, resolve, strict);
    case 'regex':
    case 'wildcard':
      throw new StoreError('query', `unable to use ${expr.kind} in a binary expression`);
  }
}

function constant(type: FieldType | null, value: Value): Scalar {
  return { type, evaluate: () => value };
}

function reference(place: ReturnType<Resolve>): Scalar {
  if ('constant' in place) return constant(typeof place.constant === 'string' ? 'string' : null, place.constant);
  const { index, type } = place;
  return { type, evaluate: (row) => row[index] ?? null };
}

function compileBinary({ op, left: leftExpr, right: rightExpr }: Binary, resolve: Resolve, strict: boolean): Scalar {
  const left = compileScalar(leftExpr, resolve, strict);
  if (op === '=~' || op === '!~') {
    const regex = rightExpr.kind === 'regex' ? rightExpr.regex : /$^/;
    const wanted = op === '=~';
    return {
      type: 'bool',
      evaluate: (row) => {
        const text = left.evaluate(row);
        return typeof text === 'string' && regex.test(text) === wanted;
      },
    };
  }
  const right = compileScalar(rightExpr, resolve, strict);
  if (op === 'AND') return { type: 'bool', evaluate: (row) => left.evaluate(row) === true && right.evaluate(row) === true };
  if (op === 'OR') return { type: 'bool', evaluate: (row) => left.evaluate(row) === true || right.evaluate(row) === true };
  if (!MATH.has(op)) return { type: 'bool', evaluate: (row) => compare(op as CompareOp, left.evaluate(row), right.evaluate(row)) };
  const type = mathType(op as MathOp, left.type, right.type);
  if (strict && type === null && left.type !== null && right.type !== null) {
    throw new StoreError('query', `type error: incompatible types: ${typeName(left.type)} and ${typeName(right.type)}`);
  }
  const ints = left.type === 'int' && right.type === 'int';
  return { type, evaluate: (row) => applyMath(op as MathOp, left.evaluate(row), right.evaluate(row), ints) };
}

/** Values that cannot be compared are not equal and not unequal either: a comparison with them is false (InfluxDB 1.x). */
function compare(op: CompareOp, a: Value, b: Value): boolean {
  if (a === null || b === null) return false;
  if (typeof a !== typeof b && !(isNumeric(a) && isNumeric(b))) return false;
  if (typeof a !== 'number' && typeof a !== 'bigint' && op !== '=' && op !== '!=') return false;
  const order = compareValues(a, b);
  switch (op) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '=~':
    case '!~':
      return false;
  }
}

const FUNCTIONS: Readonly<Record<string, (x: number, y: number) => number>> = {
  abs: Math.abs,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  atan2: Math.atan2,
  exp: Math.exp,
  ln: Math.log,
  log: (x, base) => Math.log(x) / Math.log(base),
  log2: Math.log2,
  log10: Math.log10,
  sqrt: Math.sqrt,
  pow: (x, y) => x ** y,
  floor: Math.floor,
  ceil: Math.ceil,
  // Go rounds halves away from zero.
  round: (x) => Math.sign(x) * Math.round(Math.abs(x)),
};
const TWO_ARGUMENTS = new Set(['atan2', 'pow', 'log']);
const KEEP_INTEGERS = new Set(['abs', 'floor', 'ceil', 'round']);

export function isMathFunction(name: string): boolean {
  return Object.hasOwn(FUNCTIONS, name);
}

function compileFunction(call: Call, resolve: Resolve, strict: boolean): Scalar {
  const wanted = TWO_ARGUMENTS.has(call.name) ? 2 : 1;
  if (call.args.length !== wanted) {
    throw new StoreError('query', `invalid number of arguments for ${call.name}, expected ${wanted}, got ${call.args.length}`);
  }
  const [first, second] = call.args.map((arg) => compileScalar(arg, resolve, strict));
  const apply = FUNCTIONS[call.name];
  if (first === undefined || apply === undefined) throw new StoreError('query', `undefined function ${call.name}()`);
  const ints = first.type === 'int' && KEEP_INTEGERS.has(call.name);
  return {
    type: ints ? 'int' : 'float',
    evaluate: (row) => {
      const x = first.evaluate(row);
      const y = second === undefined ? 0 : second.evaluate(row);
      if (!isNumeric(x) || !isNumeric(y)) return null;
      if (ints && typeof x === 'bigint') return call.name === 'abs' && x < 0n ? -x : x;
      const result = apply(Number(x), Number(y));
      return Number.isNaN(result) ? null : result;
    },
  };
}
