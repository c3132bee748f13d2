import type { FieldType, Point } from '@hostwire/model';
import type { RowWriter } from './row-writer.ts';
import { bitmapBytes, SEGMENT_HEAD, SEGMENT_NULLS, type Shape } from './shape.ts';

/**
 * What a run of points of one measurement looked like when it was last seen, and where its values go. A host sends the
 * same tags and fields again and again: comparing them with the plan as they are copied is all the work there is.
 */
export interface SegmentPlan {
  readonly measurement: string;
  readonly points: readonly PointPlan[];
  readonly shape: Shape;
  /** Which cells of the shape these points fill; null: all. */
  readonly bitmap: Uint8Array | null;
}

interface PointPlan {
  readonly tagNames: readonly string[];
  readonly tagValues: readonly string[];
  readonly fieldNames: readonly string[];
  readonly kinds: readonly FieldType[];
  /** Numbers and booleans: byte of the body's matrix; strings: number of the string. */
  readonly targets: readonly number[];
}

/** `cellOf(i, field)`: the cell of the shape that a field of point i fills, or -1. */
export function makePlan(
  measurement: string,
  points: readonly Point[],
  shape: Shape,
  cellOf: (point: number, field: string) => number,
): SegmentPlan {
  const width = shape.fields.length;
  const filled = new Uint8Array(shape.sids.length * width);
  const plans = points.map((point, i): PointPlan => {
    const fieldNames = Object.keys(point.fields);
    const cells = fieldNames.map((name) => cellOf(i, name));
    for (const cell of cells) filled[cell] = 1;
    return {
      tagNames: Object.keys(point.tags),
      tagValues: Object.values(point.tags),
      fieldNames,
      kinds: cells.map((cell) => shape.fields[cell % width]?.type ?? 'float'),
      targets: cells.map((cell) => target(shape, Math.floor(cell / width), cell % width)),
    };
  });
  let bitmap: Uint8Array | null = null;
  if (filled.includes(0)) {
    bitmap = new Uint8Array(bitmapBytes(shape));
    for (let cell = 0; cell < filled.length; cell++) {
      if (filled[cell] === 1) bitmap[cell >> 3] = (bitmap[cell >> 3] as number) | (1 << (cell & 7));
    }
  }
  return { measurement, points: plans, shape, bitmap };
}

function target(shape: Shape, row: number, column: number): number {
  if (column < shape.numbers) return (row * shape.numbers + column) * 8;
  if (column < shape.numbers + shape.bools) return shape.sids.length * shape.numbers * 8 + row * shape.bools + column - shape.numbers;
  return row * shape.texts + column - shape.numbers - shape.bools;
}

const texts: string[] = [];

/**
 * Writes points[at..] by the plan if they are what it says; false (and nothing written) if anything differs: a tag, a
 * field, a value that is not of its field's type.
 */
export function writeByPlan(out: RowWriter, plan: SegmentPlan, points: readonly Point[], at: number): boolean {
  const { shape, bitmap, measurement } = plan;
  const count = plan.points.length;
  if (at + count > points.length || points[at + count]?.measurement === measurement) return false;
  const matrix = shape.sids.length * (shape.numbers * 8 + shape.bools);
  const start = out.length;
  out.ensure(SEGMENT_HEAD + (bitmap?.length ?? 0) + matrix);
  const body = start + SEGMENT_HEAD + (bitmap?.length ?? 0);
  const { view, bytes } = out;
  for (let i = 0; i < count; i++) {
    const point = points[at + i] as Point;
    const expected = plan.points[i] as PointPlan;
    if (point.measurement !== measurement || !sameTags(point, expected)) return false;
    const { fields } = point;
    const { fieldNames, kinds, targets } = expected;
    let j = 0;
    for (const name in fields) {
      if (name !== fieldNames[j]) return false;
      const value = fields[name];
      const target = targets[j] as number;
      const kind = kinds[j++];
      if (kind === 'string') {
        if (typeof value !== 'string') return false;
        texts[target] = value;
      } else if (kind === 'bool') {
        if (typeof value !== 'boolean') return false;
        bytes[body + target] = value ? 1 : 0;
      } else {
        if (typeof value !== 'number' || !(kind === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value))) return false;
        // + 0: see coerce.
        view.setFloat64(body + target, value + 0, true);
      }
    }
    if (j !== fieldNames.length) return false;
  }
  out.beginSegment(shape.id, 0);
  if (bitmap !== null) out.bytes.set(bitmap, out.length);
  out.length = body + matrix;
  for (let i = 0; i < shape.sids.length * shape.texts; i++) {
    out.text(texts[i] ?? '');
    texts[i] = '';
  }
  out.endSegment(start, bitmap === null ? 0 : SEGMENT_NULLS);
  return true;
}

function sameTags(point: Point, expected: PointPlan): boolean {
  const { tags } = point;
  const { tagNames, tagValues } = expected;
  let i = 0;
  for (const name in tags) {
    if (name !== tagNames[i] || tags[name] !== tagValues[i]) return false;
    i++;
  }
  return i === tagNames.length;
}
