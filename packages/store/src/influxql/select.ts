import type { FieldType } from '@hostwire/model';
import type { SeriesReader } from '../series-reader.ts';
import { StoreError } from '../series-store.ts';
import { aggregateRows } from './aggregate-query.ts';
import type { Measurement, Select } from './ast.ts';
import type { Budget } from './budget.ts';
import { groupSeries } from './groups.ts';
import { rawRows } from './raw-query.ts';
import type { SeriesRows } from './rows.ts';
import { type Frame, frameOf, type Inherited, planSelect, type SelectPlan } from './select-plan.ts';
import { measurementSource, type Source } from './sources.ts';
import { subquerySources } from './subquery-source.ts';

export interface SelectContext {
  readonly reader: SeriesReader;
  readonly database: string;
  readonly nowNs: bigint;
  readonly budget: Budget;
}

export interface SelectResult {
  /** The first is the time. */
  readonly columns: readonly string[];
  /** Of the columns but the first. Null: always null. */
  readonly types: readonly (FieldType | null)[];
  /** By name, then by the values of the grouping tags. */
  readonly series: readonly SeriesRows[];
}

/** Runs a SELECT; `inherited` is given for a subquery. Throws StoreError `query`. */
export function runSelect(select: Select, context: SelectContext, inherited: Inherited | null): SelectResult {
  const frame = frameOf(select, context.nowNs, inherited);
  const sources = readSources(select, context, frame, inherited);
  const plan = planSelect(select, frame, sources, inherited);
  if (plan === null || plan.range.min > plan.range.max) return { columns: [], types: [], series: [] };
  const names = [...new Set(sources.map((source) => source.name))].sort();
  if (plan.descending) names.reverse();
  const series = names.flatMap((name) => rowsOf(plan, name, sources, context.budget));
  return { columns: plan.columns, types: plan.outputs.map((output) => output.type), series };
}

function rowsOf(plan: SelectPlan, name: string, sources: readonly Source[], budget: Budget): readonly SeriesRows[] {
  const groups = groupSeries(
    plan,
    sources.filter((source) => source.name === name),
  );
  return groups
    .map((group) => {
      const rows = plan.calls.length === 0 ? rawRows(plan, group, budget) : aggregateRows(plan, group, budget);
      return { name, tags: group.tags, ...rows };
    })
    .filter((rows) => rows.times.length > 0);
}

function readSources(select: Select, context: SelectContext, frame: Frame, inherited: Inherited | null): readonly Source[] {
  return select.sources.flatMap((source) => {
    if (source.kind === 'measurement') return measurementsOf(source, context);
    const dimensions = [
      ...(inherited?.dimensions ?? []),
      ...select.dimensions.flatMap((dimension) => (dimension.kind === 'ref' ? [dimension.name] : [])),
    ];
    const result = runSelect(source.select, context, { ...frame, dimensions });
    return subquerySources(result);
  });
}

/** The measurements that a source names. Databases that do not exist and foreign retention policies are errors. */
export function measurementsOf(source: Measurement, context: Pick<SelectContext, 'reader' | 'database'>): readonly Source[] {
  const database = source.database ?? context.database;
  if (database === '') throw new StoreError('query', 'database name required');
  if (!context.reader.databases().includes(database)) throw new StoreError('query', `database not found: ${database}`);
  if (source.retention !== undefined && source.retention !== RETENTION_POLICY) {
    throw new StoreError('query', `retention policy not found: ${source.retention}`);
  }
  const all = context.reader.measurements(database);
  const { regex, name } = source;
  const names = regex === undefined ? all.filter((candidate) => candidate === name) : all.filter((candidate) => regex.test(candidate));
  return names.map((found) => measurementSource(context.reader, database, found));
}

/** The one retention policy that each database has. */
export const RETENTION_POLICY = 'autogen';
