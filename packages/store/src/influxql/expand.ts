import type { FieldType } from '@hostwire/model';
import type { Call, Expr, Select, SelectField, Wildcard } from './ast.ts';
import { nameOf } from './column-names.ts';
import { isMathFunction } from './scalar.ts';

type Dimensions = Select['dimensions'];
type Pattern = Wildcard | { readonly kind: 'regex'; readonly regex: RegExp };

/** The tag names of GROUP BY, `*` and regular expressions expanded. */
export function expandDimensions(dimensions: Dimensions, tags: readonly string[]): readonly string[] {
  return dimensions.flatMap((dimension) => {
    if (dimension.kind === 'ref') return [dimension.name];
    if (dimension.kind === 'wildcard') return tags;
    return tags.filter((tag) => dimension.regex.test(tag));
  });
}

/** Replaces `*`, `/regex/`, `mean(*)` by a column for each field (and, outside of calls, each tag not grouped by). */
export function expandFields(
  fields: readonly SelectField[],
  types: ReadonlyMap<string, FieldType>,
  dimensions: Dimensions,
  tags: readonly string[],
  grouped: ReadonlySet<string>,
): readonly SelectField[] {
  const all = dimensions.some((dimension) => dimension.kind === 'wildcard');
  const freeTags = all ? [] : tags.filter((tag) => !grouped.has(tag) && !types.has(tag));
  return fields.flatMap((field) => {
    if (field.expr.kind === 'wildcard' || field.expr.kind === 'regex') return expandColumns(field.expr, types, freeTags);
    if (field.expr.kind === 'call' && !isMathFunction(field.expr.name)) return expandCall(field, field.expr, types);
    return [field];
  });
}

function matches(pattern: Pattern, name: string): boolean {
  return pattern.kind === 'wildcard' || pattern.regex.test(name);
}

function expandColumns(pattern: Pattern, types: ReadonlyMap<string, FieldType>, tags: readonly string[]): readonly SelectField[] {
  const cast = pattern.kind === 'wildcard' ? pattern.cast : undefined;
  const names = [...(cast === 'tag' ? [] : types.keys()), ...(cast === 'field' ? [] : tags)].sort();
  return names.filter((name) => matches(pattern, name)).map((name) => ({ expr: { kind: 'ref', name } }));
}

const ANY_TYPE = new Set(['count', 'first', 'last', 'distinct', 'elapsed', 'mode', 'sample']);

function accepts(name: string, type: FieldType): boolean {
  return ANY_TYPE.has(name) || type === 'float' || type === 'int' || (type === 'bool' && (name === 'min' || name === 'max'));
}

/** The call at the bottom of `derivative(mean(*))`. */
function innermost(call: Call): Call {
  const first = call.args[0];
  return first?.kind === 'call' ? innermost(first) : call;
}

function replaceInnermost(call: Call, argument: Expr): Call {
  const [first, ...rest] = call.args;
  return { ...call, args: [first?.kind === 'call' ? replaceInnermost(first, argument) : argument, ...rest] };
}

function expandCall(field: SelectField, call: Call, types: ReadonlyMap<string, FieldType>): readonly SelectField[] {
  const bottom = innermost(call);
  const pattern = bottom.args[0];
  if (pattern?.kind !== 'wildcard' && pattern?.kind !== 'regex') return [field];
  return [...types]
    .filter(([name, type]) => matches(pattern, name) && accepts(bottom.name, type))
    .map(([name]) => name)
    .sort()
    .map((name) => ({ expr: replaceInnermost(call, { kind: 'ref', name }), alias: `${field.alias ?? nameOf(call)}_${name}` }));
}
