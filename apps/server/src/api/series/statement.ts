import { quoteIdentifier, quoteString } from '@hostwire/store';
import type { Static } from 'typebox';
import type { AggregateName } from '../schemas.ts';
import type { TagCondition } from './conditions.ts';
import type { Range } from './range.ts';

export type Aggregate = Static<typeof AggregateName>;

/** A checked question for one field as columns over time. */
export interface SeriesPlan {
  readonly measurement: string;
  readonly field: string;
  readonly aggregate: Aggregate;
  readonly range: Range;
  /** Ms of one bucket; buckets begin at multiples of it since the epoch. */
  readonly step: number;
  /** Empty: all. */
  readonly hosts: readonly string[];
  readonly groupBy: readonly string[];
  readonly where: readonly TagCondition[];
}

export const MAX_SERIES = 2000;

/** Start of the first bucket, and the end of the last one. */
export function bucketRange({ range, step }: Pick<SeriesPlan, 'range' | 'step'>): Range {
  return { from: Math.floor(range.from / step) * step, to: Math.ceil(range.to / step) * step };
}

/**
 * The plan as one InfluxQL SELECT. Whatever stands in the plan, it stays inside its quotes. A rate reads one bucket more
 * at the front, so that the first bucket has something to differ from.
 */
export function toInfluxQL(plan: SeriesPlan): string {
  const { from } = bucketRange(plan);
  const isRate = plan.aggregate === 'rate';
  const field = quoteIdentifier(plan.field);
  const selected = isRate ? `non_negative_derivative(last(${field}), 1s)` : `${plan.aggregate}(${field})`;
  const conditions = [`time >= ${Math.max(0, isRate ? from - plan.step : from)}ms`, `time < ${plan.range.to}ms`, ...tagConditions(plan)];
  const groups = [`time(${plan.step}ms)`, ...plan.groupBy.map(quoteIdentifier)];
  return [
    `SELECT ${selected} AS "value" FROM ${quoteIdentifier(plan.measurement)}`,
    `WHERE ${conditions.join(' AND ')}`,
    `GROUP BY ${groups.join(', ')} fill(none)`,
  ].join(' ');
}

/** A host may send a field that is named like a tag; without the cast the store would ask for that, and find nobody. */
function quoteTag(tag: string): string {
  return `${quoteIdentifier(tag)}::tag`;
}

/** Several values of one tag are alternatives; everything else must hold together. */
function tagConditions({ hosts, where }: SeriesPlan): string[] {
  const wanted = new Map<string, string[]>();
  if (hosts.length > 0) wanted.set('host', [...hosts]);
  const conditions: string[] = [];
  for (const { tag, value, exclude } of where) {
    if (exclude) conditions.push(`${quoteTag(tag)} != ${quoteString(value)}`);
    else wanted.set(tag, [...(wanted.get(tag) ?? []), value]);
  }
  for (const [tag, values] of wanted) {
    const alternatives = values.map((value) => `${quoteTag(tag)} = ${quoteString(value)}`);
    conditions.push(alternatives.length === 1 ? alternatives.join('') : `(${alternatives.join(' OR ')})`);
  }
  return conditions;
}
