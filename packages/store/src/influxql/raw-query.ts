import type { FieldType } from '@hostwire/model';
import type { RowBlock } from '../series-reader.ts';
import type { Budget } from './budget.ts';
import type { Group, Member } from './groups.ts';
import { fillNull, type PointList } from './point-list.ts';
import { type Rows, RowWriter } from './rows.ts';
import { readingOf, scanBlocks } from './scan-blocks.ts';
import type { FieldRef, SelectPlan } from './select-plan.ts';
import { tagOf } from './sources.ts';
import { splitNs, type TimeRange } from './time-range.ts';
import { type Value, valueAt } from './values.ts';

/** Points of the members of a group, oldest first within each member. */
interface Collected {
  readonly times: number[];
  readonly nanos: number[];
  readonly rows: Value[][];
}

/** The rows of one group of a statement without aggregates, in the order of the query. */
export function rawRows(plan: SelectPlan, group: Group, budget: Budget): Rows {
  const fields = [...new Set(plan.refs.filter((ref) => ref.type !== null).map((ref) => ref.name))];
  const need = plan.limit === 0 ? Number.POSITIVE_INFINITY : plan.limit + plan.offset;
  const all = collect(plan, group, fields, need, budget);
  const writer = new RowWriter(plan, null);
  const row: Value[] = new Array<Value>(plan.width).fill(null);
  for (const at of inOrder(all, plan.descending)) {
    for (const ref of plan.refs) row[ref.index] = orFill(plan, ref, all.rows[at]?.[ref.index] ?? null, row[ref.index] ?? null);
    if (!writer.add(all.times[at] ?? 0, all.nanos[at] ?? 0, row)) break;
  }
  return writer.rows;
}

/** fill() on rows as they are: a number for what is missing, or what the row before had (InfluxDB's cursor does so). */
function orFill(plan: SelectPlan, ref: FieldRef, value: Value, before: Value): Value {
  if (value !== null || ref.type === null) return value;
  if (plan.fill.kind === 'previous') return before;
  return plan.fill.kind === 'number' ? fillNull(plan.fill.value, ref.type) : null;
}

/** The points of one field, of all members together, in the order of the query. */
export function rawPoints(plan: SelectPlan, group: Group, field: string, type: FieldType, budget: Budget): PointList {
  const single: SelectPlan = { ...plan, refs: [{ index: 0, name: field, type }], width: 1 };
  const all = collect(single, group, [field], Number.POSITIVE_INFINITY, budget);
  const order = inOrder(all, plan.descending);
  return {
    type,
    times: order.map((at) => all.times[at] ?? 0),
    nanos: order.map((at) => all.nanos[at] ?? 0),
    values: order.map((at) => all.rows[at]?.[0] ?? null),
    origins: null,
  };
}

/** Order by time; members keep their order where times are equal. */
function inOrder(all: Collected, descending: boolean): readonly number[] {
  const order = all.times.map((_, at) => at);
  const sign = descending ? -1 : 1;
  return order.sort((a, b) => sign * ((all.times[a] ?? 0) - (all.times[b] ?? 0) || (all.nanos[a] ?? 0) - (all.nanos[b] ?? 0)));
}

function collect(plan: SelectPlan, group: Group, fields: readonly string[], need: number, budget: Budget): Collected {
  const all: Collected = { times: [], nanos: [], rows: [] };
  for (const member of group.members) {
    const reader = new MemberReader(plan, member, fields, budget);
    if (plan.descending && need !== Number.POSITIVE_INFINITY) reader.readNewest(all, need);
    else reader.read(all, plan.range, need);
  }
  return all;
}

const HOUR = 3_600_000;

class MemberReader {
  private readonly plan: SelectPlan;
  private readonly member: Member;
  private readonly fields: readonly string[];
  private readonly budget: Budget;

  constructor(plan: SelectPlan, member: Member, fields: readonly string[], budget: Budget) {
    this.plan = plan;
    this.member = member;
    this.fields = fields;
    this.budget = budget;
  }

  /** Adds at most `need` rows, the oldest of the range; returns how many. */
  read(into: Collected, range: TimeRange, need: number): number {
    const reading = readingOf(this.member, this.fields);
    let found = 0;
    for (const { block, mask } of scanBlocks(reading, range)) {
      if (block.kind !== 'rows') continue;
      for (let i = 0; i < block.n; i++) {
        if (mask !== null && mask[i] === 0) continue;
        const row = this.rowAt(block, i);
        if (row === null) continue;
        into.times.push(block.times[i] ?? 0);
        into.nanos.push(block.nanos?.[i] ?? 0);
        into.rows.push(row);
        this.budget.spend(row.length);
        if (++found >= need) return found;
      }
    }
    return found;
  }

  /** Adds at least the `need` newest rows of the range, going back from the newest point by steps that grow. */
  readNewest(into: Collected, need: number): void {
    const { range } = this.plan;
    const from = splitNs(range.min).ms;
    let to = this.newest(from, splitNs(range.max).ms);
    let found = 0;
    for (let width = HOUR; to >= from && found < need; width *= 4) {
      const low = Math.max(from, to - width + 1);
      const min = BigInt(low) * 1_000_000n;
      const max = BigInt(to) * 1_000_000n + 999_999n;
      found += this.read(
        into,
        { min: min > range.min ? min : range.min, max: max < range.max ? max : range.max },
        Number.POSITIVE_INFINITY,
      );
      to = low - 1;
    }
  }

  private newest(fromMs: number, toMs: number): number {
    let newest = Number.NEGATIVE_INFINITY;
    for (const field of this.fields) {
      const last = this.member.source.last(this.member.ref, field, fromMs, toMs);
      if (last !== null && last.time > newest) newest = last.time;
    }
    return newest;
  }

  /** Null: none of the fields has a value in this row. */
  private rowAt(block: RowBlock, i: number): Value[] | null {
    const row = new Array<Value>(this.plan.width).fill(null);
    let any = false;
    for (const ref of this.plan.refs) {
      if (ref.type === null) {
        row[ref.index] = tagOf(this.member.ref.tags, ref.name) || null;
        continue;
      }
      const column = block.columns[this.fields.indexOf(ref.name)] ?? null;
      const value = column === null ? null : valueAt(column, i);
      row[ref.index] = value;
      any ||= value !== null;
    }
    return any ? row : null;
  }
}
