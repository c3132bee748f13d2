import type { Scalar } from '../series-reader.ts';
import { valueAt } from './blocks.ts';
import { EmbeddedReader } from './reader.ts';

/** Points of a measurement as text -> value: `tags time.nanos field`. Throws if blocks overlap or are out of order. */
export function readPoints(
  reader: EmbeddedReader,
  database: string,
  measurement: string,
  from = Number.NEGATIVE_INFINITY,
  to = Number.POSITIVE_INFINITY,
): Map<string, Scalar> {
  const points = new Map<string, Scalar>();
  const fields = [...reader.fields(database, measurement).keys()];
  for (const series of reader.series(database, measurement)) {
    let last = Number.NEGATIVE_INFINITY;
    let lastNanos = -1;
    for (const block of reader.scan(series, fields, from, to)) {
      if (block.kind !== 'rows') throw new Error('summaries were not asked for');
      for (let row = 0; row < block.n; row++) {
        const time = block.times[row] as number;
        const nanos = block.nanos?.[row] ?? 0;
        if (time < from || time > to) throw new Error(`time ${time} was not asked for`);
        if (time < last || (time === last && nanos <= lastNanos)) throw new Error(`time ${time} comes after ${last}`);
        [last, lastNanos] = [time, nanos];
        block.columns.forEach((column, i) => {
          const value = column === null ? null : valueAt(column, row);
          if (value !== null) points.set(`${JSON.stringify(series.tags)} ${time}.${nanos} ${fields[i]}`, value);
        });
      }
    }
  }
  return points;
}

/** A reader in this thread that throws on whatever is damaged. */
export function openReader(directory: string): EmbeddedReader {
  return new EmbeddedReader({
    directory,
    report: (problem) => {
      throw new Error(problem);
    },
    checkpoint: () => {},
  });
}
