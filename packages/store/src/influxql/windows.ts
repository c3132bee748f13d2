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
    const start = Math.floor((moved + ahead) / this.interval) * this.interval - ahead + this.offset;
    return start + this.shift(ahead, start);
  }

  /** Where the bucket after the one that begins at `start` begins. */
  next(start: number): number {
    return this.zone === null ? start + this.interval : this.step(start, this.interval);
  }

  previous(start: number): number {
    return this.zone === null ? start - this.interval : this.step(start, -this.interval);
  }

  private step(start: number, by: number): number {
    return start + by + this.shift(this.zone?.at(start) ?? 0, start + by);
  }

  /** What the start must move by because the zone's clock jumped in between; a jump as wide as the bucket moves nothing. */
  private shift(ahead: number, start: number): number {
    const jump = ahead - (this.zone?.at(start) ?? 0);
    return Math.abs(jump) < this.interval ? jump : 0;
  }
}
