import type { FieldType } from '@hostwire/model';
import { StoreError } from '../series-store.ts';
import type { Call, Expr } from './ast.ts';
import { createReducer } from './reducer.ts';
import { typeName } from './values.ts';
import type { Windows } from './windows.ts';

/** How the points of one call come about: read, reduced, transformed. */
export type Stream =
  | { readonly kind: 'raw'; readonly field: string; readonly type: FieldType }
  | {
      readonly kind: 'reduce';
      readonly name: string;
      readonly field: string;
      readonly fieldType: FieldType;
      readonly type: FieldType;
      /** The second argument of percentile(). */
      readonly parameter: number;
    }
  | {
      readonly kind: 'transform';
      readonly name: string;
      readonly type: FieldType;
      readonly input: Stream;
      /** Unit of a derivative, in ms. */
      readonly unitMs: number;
      /** Points of a moving average. */
      readonly size: number;
      /** Buckets that are read before the first (a change needs a predecessor). */
      readonly lead: 0 | 1;
    };

const TRANSFORMS = new Set([
  'derivative',
  'non_negative_derivative',
  'difference',
  'non_negative_difference',
  'cumulative_sum',
  'moving_average',
  'elapsed',
]);

export function isTransform(name: string): boolean {
  return TRANSFORMS.has(name);
}

/** Null: there is no such field. Throws StoreError `query` if the function does not take the field's type. */
export function planStream(call: Call, fields: ReadonlyMap<string, FieldType>, windows: Windows | null): Stream | null {
  const [first, second] = call.args;
  if (first === undefined) throw new StoreError('query', `invalid number of arguments for ${call.name}, expected 1, got 0`);
  if (isTransform(call.name)) return planTransform(call.name, first, second, fields, windows);
  const distinct = call.name === 'count' && first.kind === 'call' && first.name === 'distinct';
  const target = distinct ? first.args[0] : first;
  if (target?.kind !== 'ref') throw new StoreError('query', `expected field argument in ${call.name}()`);
  const type = target.cast === 'tag' ? undefined : fields.get(target.name);
  if (type === undefined) return null;
  const name = distinct ? 'count-distinct' : call.name;
  const parameter = second?.kind === 'integer' || second?.kind === 'number' ? Number(second.value) : 0;
  return { kind: 'reduce', name, field: target.name, fieldType: type, parameter, type: createReducer(name, type, parameter).type };
}

function planTransform(
  name: string,
  first: Expr,
  second: Expr | undefined,
  fields: ReadonlyMap<string, FieldType>,
  windows: Windows | null,
): Stream | null {
  const input = first.kind === 'call' ? planStream(first, fields, windows) : planRaw(first, fields);
  if (input === null) return null;
  if (name !== 'elapsed' && input.type !== 'int' && input.type !== 'float') {
    throw new StoreError(
      'query',
      `unsupported ${name.replace('non_negative_', '').replace('_', ' ')} iterator type: *query.${typeName(input.type)}InterruptIterator`,
    );
  }
  const fallback = name === 'elapsed' ? 1e-6 : (windows?.interval ?? 1000);
  return {
    kind: 'transform',
    name,
    input,
    type: outputType(name, input.type),
    unitMs: second?.kind === 'duration' ? Number(second.ns) / 1e6 : fallback,
    size: second?.kind === 'integer' ? Number(second.value) : 0,
    lead: windows === null || name === 'cumulative_sum' ? 0 : 1,
  };
}

function planRaw(expr: Expr, fields: ReadonlyMap<string, FieldType>): Stream | null {
  if (expr.kind !== 'ref') throw new StoreError('query', 'expected field argument');
  const type = fields.get(expr.name);
  return type === undefined ? null : { kind: 'raw', field: expr.name, type };
}

function outputType(name: string, input: FieldType): FieldType {
  if (name === 'elapsed') return 'int';
  return name.endsWith('difference') || name === 'cumulative_sum' ? input : 'float';
}
