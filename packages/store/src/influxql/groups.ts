import type { Tags } from '@hostwire/model';
import type { SeriesRef } from '../series-reader.ts';
import { filterFor, type RowFilter } from './predicate.ts';
import type { SelectPlan } from './select-plan.ts';
import type { Source } from './sources.ts';

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
      const values = plan.dimensions.map((name) => ref.tags[name] ?? '');
      const key = JSON.stringify(values);
      let group = groups.get(key);
      if (group === undefined) {
        group = { values, tags: tagsOf(plan.dimensions, values), members: [] };
        groups.set(key, group);
      }
      group.members.push({ source, ref, filter: filter === 'all' ? null : filter });
    }
  }
  const sorted = [...groups.values()].sort(byValues);
  const end = plan.slimit > 0 ? plan.soffset + plan.slimit : sorted.length;
  const page = sorted.slice(plan.soffset, end);
  return plan.descending ? page.reverse() : page;
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
