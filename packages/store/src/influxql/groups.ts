import type { Tags } from '@hostwire/model';
import type { SeriesRef } from '../series-reader.ts';
import { filterFor, type RowFilter } from './predicate.ts';
import type { SelectPlan } from './select-plan.ts';
import { type Source, tagOf } from './sources.ts';

/** A series that a group reads, with what its rows must pass. */
export interface Member {
  readonly source: Source;
  readonly ref: SeriesRef;
  readonly filter: RowFilter | null;
}

/** The series that make one series of the answer. */
export interface Group {
  /** One value for each dimension of the plan; empty string: the tag is absent. */
  readonly values: readonly string[];
  readonly tags: Tags | null;
  readonly members: Member[];
}

/**
 * The series of sources of one name that pass the WHERE as far as tags decide it, by dimensions, in InfluxDB's order, which ORDER BY time DESC
 * turns as well.
 */
export function groupSeries(plan: SelectPlan, sources: readonly Source[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const source of sources) {
    for (const ref of source.series) {
      const filter = filterFor(plan.condition, source, ref.tags);
      if (filter === 'none') continue;
      const values = plan.dimensions.map((name) => tagOf(ref.tags, name));
      const key = JSON.stringify(values);
      let group = groups.get(key);
      if (group === undefined) {
        group = { values, tags: tagsOf(plan.dimensions, values), members: [] };
        groups.set(key, group);
      }
      group.members.push({ source, ref, filter: filter === 'all' ? null : filter });
    }
  }
  const page = limitGroups(plan, [...groups.values()]).sort(byValues);
  return plan.descending ? page.reverse() : page;
}

/** SLIMIT and SOFFSET count in another order than the answer's: by the names of the tags that are there, then their values. */
function limitGroups(plan: SelectPlan, groups: readonly Group[]): Group[] {
  if (plan.slimit === 0 && plan.soffset === 0) return [...groups];
  const keyed = groups.map((group) => ({ group, key: limitKey(plan.dimensions, group.values) })).sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.slice(plan.soffset, plan.slimit > 0 ? plan.soffset + plan.slimit : keyed.length).map(({ group }) => group);
}

function limitKey(names: readonly string[], values: readonly string[]): string {
  const there = names.map((_, i) => i).filter((i) => values[i] !== '');
  return [...there.map((i) => names[i]), ...there.map((i) => values[i])].join('|');
}

function tagsOf(names: readonly string[], values: readonly string[]): Tags | null {
  if (names.length === 0) return null;
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
}

function byValues(a: Group, b: Group): number {
  for (let i = 0; i < a.values.length; i++) {
    const x = a.values[i] ?? '';
    const y = b.values[i] ?? '';
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
