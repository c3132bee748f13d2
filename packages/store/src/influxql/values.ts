import type { FieldType } from '@hostwire/model';
import type { Column, Scalar } from '../series-reader.ts';
import type { MathOp } from './ast.ts';

export type Value = Scalar | null;

/** The value of a row, null if it has none. */
export function valueAt(column: Column, row: number): Value {
  if (column.valid !== null && column.valid[row] === 0) return null;
  if (column.type === 'int' && column.big !== null) return fromBig(column.big[row] ?? 0n);
  if (column.type === 'bool') return column.values[row] !== 0;
  return column.values[row] ?? null;
}

/** A number where one can hold it exactly, as everywhere in Hostwire. */
export function fromBig(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : value;
}

export function isNumeric(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Order of two values of one kind; numbers and bigints compare by value. */
export function compareValues(a: Scalar, b: Scalar): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function addInts(a: number | bigint, b: number | bigint): number | bigint {
  return intMath('+', a, b);
}

/** 64 bit integer arithmetic, wrapping as Go's does. */
function intMath(op: MathOp, a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = smallMath(op, a, b);
    if (quick !== null && Number.isSafeInteger(quick)) return quick;
  }
  const x = BigInt(a);
  const y = BigInt(b);
  return fromBig(BigInt.asIntN(64, bigMath(op, x, y)));
}

function smallMath(op: MathOp, a: number, b: number): number | null {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      return b === 0 ? 0 : (a % b) + 0;
    case '/':
    case '&':
    case '|':
    case '^':
      return null;
  }
}

function bigMath(op: MathOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      return b === 0n ? 0n : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '/':
      return 0n;
  }
}

function floatMath(op: MathOp, a: number, b: number): Value {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? 0 : a / b;
    case '%':
      return a % b;
    case '&':
    case '|':
    case '^':
      return null;
  }
}

function boolMath(op: MathOp, a: boolean, b: boolean): Value {
  switch (op) {
    case '&':
      return a && b;
    case '|':
      return a || b;
    case '^':
      return a !== b;
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return null;
  }
}

/** Arithmetic as InfluxDB's: null with null, integers stay integers but for `/`, division by zero is 0. */
export function applyMath(op: MathOp, a: Value, b: Value, ints: boolean): Value {
  if (a === null || b === null) return null;
  if (typeof a === 'boolean' && typeof b === 'boolean') return boolMath(op, a, b);
  if (!isNumeric(a) || !isNumeric(b)) return null;
  return ints && op !== '/' ? intMath(op, a, b) : floatMath(op, Number(a), Number(b));
}

const TYPE_NAMES = { int: 'integer', float: 'float', string: 'string', bool: 'boolean' } as const;

/** A field's type in InfluxQL's words. */
export function typeName(type: FieldType): string {
  return TYPE_NAMES[type];
}

export function mathType(op: MathOp, a: FieldType | null, b: FieldType | null): FieldType | null {
  if (a === 'bool' && b === 'bool') return 'bool';
  if ((a !== 'int' && a !== 'float') || (b !== 'int' && b !== 'float')) return null;
  if (a === 'int' && b === 'int') return op === '/' ? 'float' : 'int';
  return op === '&' || op === '|' || op === '^' ? null : 'float';
}

/** A number as a field of type int holds it: towards zero (Go's conversion). */
export function toInt(value: number | bigint): number | bigint {
  return typeof value === 'bigint' ? value : Math.trunc(value) + 0;
}
