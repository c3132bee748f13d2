import type { Tags } from '@hostwire/model';
import type { RowBlock } from '../series-reader.ts';
import type { Expr } from './ast.ts';
import { compileScalar } from './scalar.ts';
import { type Source, tagOf } from './sources.ts';
import { type Value, valueAt } from './values.ts';

/** What a WHERE still asks of the rows of a series, after its tags are known. */
export interface RowFilter {
  readonly fields: readonly string[];
  /** 1 for each row that passes. `columns` are where the block has the filter's fields. */
  readonly mask: (block: RowBlock, columns: readonly number[]) => Uint8Array;
}

export type SeriesFilter = 'all' | 'none' | RowFilter;

/** Names that are no field are tags; a tag that the series lacks is the empty string. */
export function filterFor(condition: Expr | null, source: Source, tags: Tags): SeriesFilter {
  if (condition === null) return 'all';
  const folded = fold(condition, source, tags);
  if (typeof folded === 'boolean') return folded ? 'all' : 'none';
  return rowFilter(folded, source, tags);
}

function isField(name: string, cast: string | undefined, source: Source): boolean {
  return cast !== 'tag' && source.fields.has(name);
}

function readsFields(expr: Expr, source: Source): boolean {
  switch (expr.kind) {
    case 'ref':
      return isField(expr.name, expr.cast, source);
    case 'paren':
      return readsFields(expr.expr, source);
    case 'binary':
      return readsFields(expr.left, source) || readsFields(expr.right, source);
    case 'call':
      return expr.args.some((arg) => readsFields(arg, source));
    case 'boolean':
    case 'duration':
    case 'integer':
    case 'number':
    case 'regex':
    case 'string':
    case 'wildcard':
      return false;
  }
}

/** Decides what the tags alone decide. */
function fold(expr: Expr, source: Source, tags: Tags): Expr | boolean {
  if (expr.kind === 'paren') return fold(expr.expr, source, tags);
  if (expr.kind === 'binary' && (expr.op === 'AND' || expr.op === 'OR')) {
    const decides = expr.op === 'OR';
    const left = fold(expr.left, source, tags);
    if (left === decides) return decides;
    const right = fold(expr.right, source, tags);
    if (right === decides) return decides;
    if (typeof left === 'boolean') return right;
    return typeof right === 'boolean' ? left : { ...expr, left, right };
  }
  if (readsFields(expr, source)) return expr;
  return compileScalar(expr, (name) => ({ constant: name.kind === 'ref' ? tagOf(tags, name.name) : null })).evaluate([]) === true;
}

function rowFilter(expr: Expr, source: Source, tags: Tags): RowFilter {
  const fields: string[] = [];
  const scalar = compileScalar(expr, (name) => {
    if (name.kind === 'call') return { constant: null };
    if (!isField(name.name, name.cast, source)) return { constant: tagOf(tags, name.name) };
    let index = fields.indexOf(name.name);
    if (index === -1) index = fields.push(name.name) - 1;
    return { index, type: source.fields.get(name.name) ?? null };
  });
  const row: Value[] = fields.map(() => null);
  const mask = (block: RowBlock, columns: readonly number[]) => {
    const passes = new Uint8Array(block.n);
    const read = columns.map((at) => block.columns[at] ?? null);
    for (let i = 0; i < block.n; i++) {
      for (let k = 0; k < read.length; k++) {
        const column = read[k] ?? null;
        row[k] = column === null ? null : valueAt(column, i);
      }
      if (scalar.evaluate(row) === true) passes[i] = 1;
    }
    return passes;
  };
  return { fields, mask };
}
