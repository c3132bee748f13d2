import { StoreError } from '../series-store.ts';
import { ZoneOffsets } from './time-zone.ts';

/** The buckets of GROUP BY time: aligned to the epoch, moved by the offset, by the zone's midnight with tz(). All in ms. */
export class Windows {
  readonly interval: number;
  private readonly offset: number;
  private readonly zone: ZoneOffsets | null;

  constructor(intervalNs: bigint, offsetNs: bigint, timeZone: string | null) {
    if (intervalNs % 1_000_000n !== 0n || offsetNs % 1_000_000n !== 0n) {
      throw new StoreError('query', 'hostwire: GROUP BY time() finer than 1ms is not supported');
    }
    if (intervalNs < 0n) throw new StoreError('query', 'time dimension must have a positive duration');
    this.interval = Number(intervalNs / 1_000_000n);
    this.offset = Number(offsetNs / 1_000_000n) % this.interval;
    this.zone = timeZone === null ? null : new ZoneOffsets(timeZone);
  }

  /** Where the bucket of a time begins. */
  start(ms: number): number {
    const moved = ms - this.offset;
    if (this.zone === null) return Math.floor(moved / this.interval) * this.interval + this.offset;
    const ahead = this.zone.at(moved);
    const start = Math.floor((moved + ahead) / this.interval) * this.interval - ahead;
    return start + this.shift(ahead, start) + this.offset;
  }

  /** Where the bucket of a time ends (exclusive). */
  end(ms: number): number {
    const moved = ms - this.offset;
    const ahead = this.zone?.at(moved) ?? 0;
    const inside = moved + ahead - Math.floor((moved + ahead) / this.interval) * this.interval;
    const end = moved - inside + this.interval;
    return end + this.shift(ahead, end - 1) + this.offset;
  }

  /** The starts of buckets from one to another, both included, backwards when descending. */
  *walk(from: number, to: number, descending: boolean): Generator<number> {
    const step = descending ? -this.interval : this.interval;
    let ahead = this.zone?.at(from) ?? 0;
    for (let at = from; descending ? at >= to : at <= to; ) {
      yield at;
      at += step;
      const there = this.zone?.at(at - 1) ?? 0;
      at += this.shift(ahead, at - 1);
      ahead = there;
    }
  }

  /** What a border must move by because the zone's clock jumped in between; a jump as wide as the bucket moves nothing. */
  private shift(ahead: number, border: number): number {
    const jump = ahead - (this.zone?.at(border) ?? 0);
    return Math.abs(jump) < this.interval ? jump : 0;
  }
}
