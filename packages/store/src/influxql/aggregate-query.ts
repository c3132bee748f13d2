import type { FieldType } from '@hostwire/model';
import type { Block } from '../series-reader.ts';
import { StoreError } from '../series-store.ts';
import type { Fill } from './ast.ts';
import { type Budget, MAX_BUCKETS } from './budget.ts';
import type { Group } from './groups.ts';
import { emptyList, fillGaps, fillNull, limitList, type PointList, transform } from './point-list.ts';
import { rawPoints } from './raw-query.ts';
import { type Reduce, type Reduction, reduceGroup } from './reduce-group.ts';
import type { Reducer } from './reducer.ts';
import { type Rows, RowWriter } from './rows.ts';
import type { FieldRef, SelectPlan } from './select-plan.ts';
import { tagOf } from './sources.ts';
import type { Stream } from './stream-plan.ts';
import { MAX_TIME, MIN_TIME, splitNs, type TimeRange } from './time-range.ts';
import { type Value, valueAt } from './values.ts';

/**
 * The rows of one group of a statement with aggregates, in the order of the query. As in InfluxDB, LIMIT and OFFSET count
 * the points of each call, not the rows.
 */
export function aggregateRows(plan: SelectPlan, group: Group, budget: Budget): Rows {
  const streams = new GroupStreams(plan, group, budget);
  const lists = plan.calls.map((call) => ({ index: call.index, list: limitList(streams.points(call.stream, 0), plan.offset, plan.limit) }));
  const writer = new RowWriter({ ...plan, limit: 0, offset: 0 }, budget);
  const heads = lists.map(() => 0);
  const row: Value[] = new Array<Value>(plan.width).fill(null);
  for (;;) {
    const at = nextTime(plan, lists, heads);
    if (at === null) return writer.rows;
    lists.forEach(({ index, list }, k) => {
      const head = heads[k] ?? 0;
      if (list.times[head] === at.ms && list.nanos[head] === at.nanos) {
        row[index] = list.values[head] ?? null;
        if (plan.refs.length > 0) fillReferences(plan, group, list.origins?.[head] ?? null, row);
        heads[k] = head + 1;
      } else row[index] = missing(plan.fill, list.type, row[index] ?? null);
    });
    writer.add(at.ms, at.nanos, row);
  }
}

interface Indexed {
  readonly index: number;
  readonly list: PointList;
}

function nextTime(plan: SelectPlan, lists: readonly Indexed[], heads: readonly number[]): { ms: number; nanos: number } | null {
  let best: { ms: number; nanos: number } | null = null;
  lists.forEach(({ list }, k) => {
    const head = heads[k] ?? 0;
    const ms = list.times[head];
    const nanos = list.nanos[head] ?? 0;
    if (ms === undefined) return;
    const order = best === null ? -1 : ms - best.ms || nanos - best.nanos;
    if (best === null || (plan.descending ? order > 0 : order < 0)) best = { ms, nanos };
  });
  return best;
}

/** What a column shows in a row in which only other columns have a point. */
function missing(fill: Fill, type: FieldType, before: Value): Value {
  if (fill.kind === 'previous') return before;
  return fill.kind === 'number' ? fillNull(fill.value, type) : null;
}

/** The other fields and tags of the point that a selector chose. */
function fillReferences(plan: SelectPlan, group: Group, origin: { ms: number; nanos: number; series: number } | null, row: Value[]): void {
  const member = origin === null ? undefined : group.members[origin.series];
  if (origin === null || member === undefined) {
    for (const ref of plan.refs) row[ref.index] = null;
    return;
  }
  const fields = plan.refs.filter((ref) => ref.type !== null && member.source.fields.has(ref.name)).map((ref) => ref.name);
  const blocks = fields.length === 0 ? [] : [...member.source.scan(member.ref, fields, origin.ms, origin.ms)];
  for (const ref of plan.refs)
    row[ref.index] = referenceAt(ref, fields, blocks, origin) ?? (ref.type === null ? tagOf(member.ref.tags, ref.name) || null : null);
}

function referenceAt(ref: FieldRef, fields: readonly string[], blocks: readonly Block[], at: { ms: number; nanos: number }): Value {
  for (const block of blocks) {
    const column = block.kind === 'rows' ? (block.columns[fields.indexOf(ref.name)] ?? null) : null;
    if (block.kind !== 'rows' || column === null || ref.type === null) continue;
    for (let i = 0; i < block.n; i++) {
      if (block.times[i] === at.ms && (block.nanos?.[i] ?? 0) === at.nanos) return valueAt(column, i);
    }
  }
  return null;
}

/** Makes the points of the streams of one group; reductions over one range share one reading. */
class GroupStreams {
  private readonly plan: SelectPlan;
  private readonly group: Group;
  private readonly budget: Budget;
  private readonly reductions = new Map<number, Reduction>();
  private readonly byLead = new Map<number, Reduce[]>();

  constructor(plan: SelectPlan, group: Group, budget: Budget) {
    this.plan = plan;
    this.group = group;
    this.budget = budget;
    for (const call of plan.calls) this.register(call.stream, 0);
  }

  private register(stream: Stream, lead: number): void {
    if (stream.kind === 'transform') this.register(stream.input, lead + stream.lead);
    else if (stream.kind === 'reduce') this.byLead.set(lead, [...(this.byLead.get(lead) ?? []), stream]);
  }

  points(stream: Stream, lead: number): PointList {
    switch (stream.kind) {
      case 'raw':
        return rawPoints(this.plan, this.group, stream.field, stream.type, this.budget);
      case 'transform':
        return transform(stream.name, this.points(stream.input, lead + stream.lead), stream.unitMs, stream.size, this.plan.descending);
      case 'reduce':
        return this.reduced(stream, lead);
    }
  }

  private reduced(reduce: Reduce, lead: number): PointList {
    const { plan } = this;
    const range = rangeWithLead(plan, lead);
    if (range === null) return emptyList(reduce.type);
    let reduction = this.reductions.get(lead);
    if (reduction === undefined) {
      // A summary says neither which row had the value nor its nanoseconds.
      const needPoints = plan.refs.length > 0 || (plan.selector && plan.windows === null);
      reduction = reduceGroup(this.group, this.byLead.get(lead) ?? [], range, plan.windows, needPoints);
      this.reductions.set(lead, reduction);
    }
    const reducer = reduction.reducers.get(reduce);
    if (reducer === undefined) return emptyList(reduce.type);
    return plan.windows === null ? this.single(reducer, range) : this.bucketed(reduce, reducer, reduction, range);
  }

  private single(reducer: Reducer, range: TimeRange): PointList {
    const list = emptyList(reducer.type);
    const results = reducer.results(0);
    // Without a lower bound the row's time is the epoch (IntervalIterator).
    const start = range.min === MIN_TIME ? { ms: 0, nanos: 0 } : splitNs(range.min);
    for (const { value, ms, nanos } of results) {
      list.times.push(this.plan.selector ? ms : start.ms);
      list.nanos.push(this.plan.selector ? nanos : start.nanos);
      list.values.push(value);
    }
    return { ...list, origins: results };
  }

  private bucketed(reduce: Reduce, reducer: Reducer, { starts }: Reduction, range: TimeRange): PointList {
    const { plan } = this;
    const windows = plan.windows;
    if (windows === null) return emptyList(reduce.type);
    const order = starts.map((_, slot) => slot).sort((a, b) => ((starts[a] ?? 0) - (starts[b] ?? 0)) * (plan.descending ? -1 : 1));
    const list = emptyList(reducer.type);
    const origins: { ms: number; nanos: number; series: number }[] = [];
    for (const slot of order) {
      for (const result of reducer.results(slot)) {
        list.times.push(starts[slot] ?? 0);
        list.nanos.push(0);
        list.values.push(result.value);
        origins.push(result);
      }
    }
    const last = windows.start(splitNs(range.max).ms);
    const first = range.min === MIN_TIME ? null : windows.start(splitNs(range.min).ms);
    checkBuckets(first ?? Math.min(...list.times), last, windows.interval);
    const fill: Fill = reduce.name.startsWith('count') && plan.fill.kind === 'null' ? { kind: 'number', value: 0 } : plan.fill;
    return reduce.name === 'distinct' ? list : fillGaps({ ...list, origins }, fill, { first, last }, windows, plan.descending);
  }
}

function checkBuckets(first: number, last: number, interval: number): void {
  const buckets = Math.floor((last - first) / interval) + 1;
  if (buckets > MAX_BUCKETS) throw new StoreError('query', `max-select-buckets limit exceeded: (${buckets}/${MAX_BUCKETS})`);
}

/** The range a call reads: earlier (later when descending) by the buckets that a transformation needs before the first. */
function rangeWithLead(plan: SelectPlan, lead: number): TimeRange | null {
  if (lead === 0 || plan.windows === null) return plan.range;
  const ns = BigInt(plan.windows.interval) * 1_000_000n * BigInt(lead);
  if (plan.descending) return { min: plan.range.min, max: plan.range.max + ns > MAX_TIME ? MAX_TIME : plan.range.max + ns };
  // InfluxDB's arithmetic overflows here and finds nothing; so must we, to answer the same.
  return plan.range.min - ns < MIN_TIME ? null : { min: plan.range.min - ns, max: plan.range.max };
}
