import { StoreError } from '../series-store.ts';

/** Most points that one query may hold at a time, in columns times rows. */
const MAX_POINTS = 1_000_000;
/** Most buckets of one series of an answer, as InfluxDB's max-select-buckets. */
export const MAX_BUCKETS = 500_000;

/** Keeps a query from growing without bounds: what it collects is counted. */
export class Budget {
  private left = MAX_POINTS;

  /** Throws StoreError `query` when the query has collected too much. */
  spend(points: number): void {
    this.left -= points;
    if (this.left < 0) {
      throw new StoreError(
        'query',
        `hostwire: the query holds more than ${MAX_POINTS} points; narrow its time range or its series, or add a LIMIT`,
      );
    }
  }
}
