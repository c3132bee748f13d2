import type { Expr, SelectField } from './ast.ts';

/** The name of a column that has no alias: its function's or field's, those of an expression joined by `_`. */
export function nameOf(expr: Expr): string {
  if (expr.kind === 'ref' || expr.kind === 'call') return expr.name;
  if (expr.kind === 'paren') return nameOf(expr.expr);
  return expr.kind === 'binary' ? namesIn(expr).join('_') : '';
}

function namesIn(expr: Expr): readonly string[] {
  if (expr.kind === 'ref' || expr.kind === 'call') return [expr.name];
  if (expr.kind === 'paren') return namesIn(expr.expr);
  return expr.kind === 'binary' ? [...namesIn(expr.left), ...namesIn(expr.right)] : [];
}

/** Aliases first, then generated names, made unique by `_1`, `_2` ... (influxql's SelectStatement.ColumnNames). */
export function columnNames(fields: readonly SelectField[], timeColumn: string): readonly string[] {
  const taken = new Map<string, number>();
  for (const field of fields) if (field.alias !== undefined) taken.set(field.alias, 1);
  const names = fields.map((field) => field.alias ?? unique(nameOf(field.expr), taken));
  return [timeColumn, ...names];
}

function unique(name: string, taken: Map<string, number>): string {
  let free = name;
  let count = taken.get(name);
  if (count !== undefined) {
    while (taken.has(`${name}_${count}`)) count++;
    taken.set(name, count + 1);
    free = `${name}_${count}`;
  }
  taken.set(free, (taken.get(free) ?? 0) + 1);
  return free;
}
