import type { FieldType } from '@hostwire/model';
import { StoreError } from '../series-store.ts';
import type { Call, Expr, Fill, Ref, Select, SelectField } from './ast.ts';
import { columnNames } from './column-names.ts';
import { expandDimensions, expandFields } from './expand.ts';
import { SELECTORS } from './reducer.ts';
import { compileScalar, isMathFunction, type Scalar } from './scalar.ts';
import { allFields, type Source, tagKeys } from './sources.ts';
import { planStream, type Stream } from './stream-plan.ts';
import { MAX_TIME, MIN_TIME, splitTime, type TimeRange } from './time-range.ts';
import { validateCondition, validateSelect } from './validate.ts';
import { Windows } from './windows.ts';

/** What a subquery takes over from the query around it. */
export interface Inherited {
  readonly range: TimeRange;
  readonly windows: Windows | null;
  readonly dimensions: readonly string[];
  readonly descending: boolean;
}

/** The part of a plan that does not depend on what there is to read. */
export interface Frame {
  readonly range: TimeRange;
  readonly windows: Windows | null;
  readonly condition: Expr | null;
  readonly fill: Fill;
  readonly descending: boolean;
}

export interface FieldRef {
  readonly index: number;
  readonly name: string;
  /** Null: a tag (or nothing at all). */
  readonly type: FieldType | null;
}

export interface CallPlan {
  readonly index: number;
  readonly stream: Stream;
}

export interface SelectPlan extends Frame {
  readonly timeColumn: string;
  readonly columns: readonly string[];
  /** Computed from a row of `width` values, one for each call and reference at its `index`. */
  readonly outputs: readonly Scalar[];
  readonly width: number;
  readonly calls: readonly CallPlan[];
  readonly refs: readonly FieldRef[];
  /** The only call chooses a point, whose own time is the row's where there are no windows. */
  readonly selector: boolean;
  /** Sorted. */
  readonly dimensions: readonly string[];
  readonly limit: number;
  readonly offset: number;
  readonly slimit: number;
  readonly soffset: number;
}

/** Validates the statement and finds its time range and buckets. Throws StoreError `query` in InfluxDB's words. */
export function frameOf(select: Select, nowNs: bigint, inherited: Inherited | null): Frame {
  const split = splitTime(select.where, nowNs, select.timeZone);
  if (split.condition !== null) validateCondition(split.condition);
  const own = windowsOf(select, nowNs);
  validateSelect(select, own !== null, inherited?.windows != null && own === null);
  const windows = own ?? inherited?.windows ?? null;
  const min = split.min ?? MIN_TIME;
  const max = split.max ?? (own === null ? MAX_TIME : nowNs);
  const range = inherited === null ? { min, max } : narrow({ min, max }, inherited.range);
  const redundant = inherited !== null && own !== null && select.fill.kind === 'null';
  return {
    range,
    windows,
    condition: split.condition,
    fill: redundant ? { kind: 'none' } : select.fill,
    descending: inherited?.descending ?? select.descending,
  };
}

function narrow(a: TimeRange, b: TimeRange): TimeRange {
  return { min: a.min > b.min ? a.min : b.min, max: a.max < b.max ? a.max : b.max };
}

function windowsOf(select: Select, nowNs: bigint): Windows | null {
  const [time, another] = select.times;
  if (time === undefined) return null;
  if (time.name === '') throw new StoreError('query', 'only time and tag dimensions allowed');
  if (time.name !== 'time') throw new StoreError('query', 'only time() calls allowed in dimensions');
  const [width, offset] = time.args;
  if (width === undefined || time.args.length > 2) throw new StoreError('query', 'time dimension expected 1 or 2 arguments');
  if (width.kind !== 'duration') throw new StoreError('query', 'time dimension must have duration argument');
  if (another !== undefined) throw new StoreError('query', 'multiple time dimensions not allowed');
  if (width.ns === 0n) return null;
  return new Windows(width.ns, offset === undefined ? 0n : offsetNs(offset, width.ns, nowNs), select.timeZone);
}

function offsetNs(offset: Expr, interval: bigint, nowNs: bigint): bigint {
  if (offset.kind === 'duration') return offset.ns % interval;
  if (offset.kind === 'call' && offset.name === 'now' && offset.args.length === 0) {
    const inside = nowNs % interval;
    return inside - (inside % 1_000_000n);
  }
  throw new StoreError('query', 'time dimension offset must be duration or now()');
}

/** Resolves names against the sources. Null: nothing that is asked for exists. */
export function planSelect(select: Select, frame: Frame, sources: readonly Source[], inherited: Inherited | null): SelectPlan | null {
  const fieldTypes = allFields(sources);
  const tags = tagKeys(sources);
  const dimensions = [...new Set([...expandDimensions(select.dimensions, tags), ...(inherited?.dimensions ?? [])])].sort();
  const { fields, timeColumn } = withoutTime(select.fields);
  const expanded = expandFields(fields, fieldTypes, select.dimensions, tags, new Set(dimensions));
  if (expanded.length === 0) return null;
  const layout = new RowLayout(fieldTypes, frame.windows);
  const isAggregate = expanded.some((field) => hasCall(field.expr));
  const outputs = expanded.map((field) => compileScalar(field.expr, (expr) => layout.resolve(expr), true));
  if (isAggregate ? layout.calls.length === 0 : !layout.refs.some((ref) => ref.type !== null)) return null;
  return {
    ...frame,
    timeColumn,
    columns: columnNames(expanded, timeColumn),
    outputs,
    width: layout.width,
    calls: layout.calls,
    refs: layout.refs,
    selector: layout.calls.length === 1 && layout.calls[0]?.stream.kind === 'reduce' && SELECTORS.has(layout.calls[0].stream.name),
    dimensions,
    limit: select.limit,
    offset: select.offset,
    slimit: select.slimit,
    soffset: select.soffset,
  };
}

/** `time` is always the first column; naming it changes at most its name. */
function withoutTime(fields: readonly SelectField[]): { fields: readonly SelectField[]; timeColumn: string } {
  let timeColumn = 'time';
  const rest = fields.filter(({ expr, alias }) => {
    if (expr.kind !== 'ref' || expr.name !== 'time') return true;
    timeColumn = alias ?? timeColumn;
    return false;
  });
  return { fields: rest, timeColumn };
}

function hasCall(expr: Expr): boolean {
  if (expr.kind === 'call') return !isMathFunction(expr.name) || expr.args.some(hasCall);
  if (expr.kind === 'binary') return hasCall(expr.left) || hasCall(expr.right);
  return expr.kind === 'paren' && hasCall(expr.expr);
}

/** Gives each distinct call and reference of a statement its place in the row that the outputs are computed from. */
class RowLayout {
  readonly calls: CallPlan[] = [];
  readonly refs: FieldRef[] = [];
  private readonly known = new Map<string, { readonly index: number; readonly type: FieldType | null } | { readonly constant: null }>();
  private readonly fieldTypes: ReadonlyMap<string, FieldType>;
  private readonly windows: Windows | null;

  constructor(fieldTypes: ReadonlyMap<string, FieldType>, windows: Windows | null) {
    this.fieldTypes = fieldTypes;
    this.windows = windows;
  }

  get width(): number {
    return this.calls.length + this.refs.length;
  }

  resolve(expr: Ref | Call): { readonly index: number; readonly type: FieldType | null } | { readonly constant: null } {
    const key = JSON.stringify(expr, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const place = expr.kind === 'ref' ? this.place(expr) : this.placeCall(expr);
    this.known.set(key, place);
    return place;
  }

  private place(ref: Ref): { readonly index: number; readonly type: FieldType | null } {
    const type = ref.cast === 'tag' ? null : (this.fieldTypes.get(ref.name) ?? null);
    const index = this.width;
    this.refs.push({ index, name: ref.name, type });
    return { index, type: type ?? 'string' };
  }

  private placeCall(call: Call): { readonly index: number; readonly type: FieldType | null } | { readonly constant: null } {
    const stream = planStream(call, this.fieldTypes, this.windows);
    if (stream === null) return { constant: null };
    const index = this.width;
    this.calls.push({ index, stream });
    return { index, type: stream.type };
  }
}
