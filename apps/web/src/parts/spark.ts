/** Geometry of the sparkline: pure, so that it can be tested without a document. */

export type Values = readonly (number | null)[];

export interface SparkShape {
  readonly line: string;
  readonly area: string;
  readonly band: string;
  /** Where the newest point is, or null if there is none. */
  readonly end: { readonly x: number; readonly y: number } | null;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Paths of `values` over a box of width x height; `low` is at its base. Runs of null leave a gap. */
export function sparkShape(
  values: Values,
  min: Values,
  max: Values,
  box: { width: number; height: number; low: number; high: number },
): SparkShape {
  const base = box.height - 1;
  const x = (index: number): number => round((index / Math.max(1, values.length - 1)) * box.width);
  const y = (value: number): number => {
    const part = (value - box.low) / (box.high - box.low);
    return round(base - Math.min(1, Math.max(0, part)) * (base - 2));
  };
  let line = '';
  let area = '';
  let band = '';
  let end: SparkShape['end'] = null;
  for (const [from, to] of runs(values)) {
    const points: string[] = [];
    const upper: string[] = [];
    const lower: string[] = [];
    for (let i = from; i <= to; i++) {
      const value = values[i] as number;
      points.push(`${x(i)} ${y(value)}`);
      upper.push(`${x(i)} ${y(max[i] ?? value)}`);
      lower.unshift(`${x(i)} ${y(min[i] ?? value)}`);
      end = { x: x(i), y: y(value) };
    }
    line += `M${points.join('L')}`;
    area += `M${points.join('L')}L${x(to)} ${base}L${x(from)} ${base}Z`;
    if (max.length > 0) band += `M${upper.join('L')}L${lower.join('L')}Z`;
  }
  return { line, area, band, end };
}

function* runs(values: Values): Generator<readonly [number, number]> {
  let from = -1;
  for (let i = 0; i <= values.length; i++) {
    const known = i < values.length && values[i] !== null && values[i] !== undefined;
    if (known && from < 0) from = i;
    if (!known && from >= 0) {
      yield [from, i - 1];
      from = -1;
    }
  }
}

/** "CPU last hour, 30 to 41, now 34.8 %": the sparkline in words. */
export function sparkWords(name: string, values: Values, write: (value: number) => string): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return `${name} last hour, no data`;
  return `${name} last hour, ${write(Math.min(...known))} to ${write(Math.max(...known))}, newest ${write(known.at(-1) ?? 0)}`;
}
