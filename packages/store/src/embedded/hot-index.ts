import { DAY, HOUR, hourOf, type SlotHours, slotHours } from './slot.ts';

/** The hot rows of one group in one hour. */
interface Bucket {
  readonly hour: number;
  /** Ascending. */
  ids: number[];
  bytes: number;
  minTime: number;
  maxTime: number;
  /** When the first of them came (ms); 0: before the store was opened. */
  arrived: number;
}

/** A slot of a group that has hot rows. */
interface Slot {
  readonly group: number;
  readonly day: number;
  readonly hours: SlotHours;
  /** Hour of the day at which it begins. */
  readonly hour: number;
  readonly buckets: Bucket[];
}

/** Rows of one group and slot, to be moved to a day file: all that the slot has up to the last of them. */
export interface Job extends Slot {
  /** Ascending. */
  readonly ids: readonly number[];
  readonly bytes: number;
}

const SLOT_GRACE = 10 * 60_000;
const LATE_GRACE = 15 * 60_000;
/** One job takes no more rows than this; the others stay for the next. */
const MAX_JOB_ROWS = 50_000;

/** What the writer knows of hot rows: which group and hour they are of, nothing of what is in them. */
export class HotIndex {
  readonly #groups = new Map<number, Map<number, Bucket>>();
  rows = 0;
  bytes = 0;

  add(group: number, time: number, id: number, bytes: number, arrived: number): void {
    this.#put(group, { hour: hourOf(time), ids: [id], bytes, minTime: time, maxTime: time, arrived });
  }

  /**
   * Takes rows out of the index that are to be moved: those that are due at `now`, or everything, or the oldest until half
   * of the bytes are gone. `fixedHours`: the slot length that a group has on a day already, or null.
   */
  take(which: 'due' | 'all' | 'oldest', now: number, fixedHours: (group: number, day: number) => SlotHours | null): Job[] {
    // No slot is shorter than an hour: groups whose rows are all newer need no look.
    const over = which === 'due' ? hourOf(now - SLOT_GRACE) : Number.POSITIVE_INFINITY;
    let slots = this.#slots(over, fixedHours);
    if (which === 'due') {
      slots = slots.filter(({ day, hour, hours, buckets }) => {
        const end = day * DAY + (hour + hours) * HOUR;
        return now >= end + SLOT_GRACE && buckets.every(({ arrived }) => now >= arrived + LATE_GRACE);
      });
    } else if (which === 'oldest') {
      const oldest = (slot: Slot): number => Math.min(...slot.buckets.map(({ ids }) => ids[0] as number));
      slots.sort((a, b) => oldest(a) - oldest(b));
      let wanted = this.bytes / 2;
      slots = slots.filter(({ buckets }) => {
        const before = wanted;
        for (const { bytes } of buckets) wanted -= bytes;
        return before > 0;
      });
    }
    return slots.map((slot) => this.#detach(slot)).sort((a, b) => a.day - b.day || a.hour - b.hour || a.group - b.group);
  }

  /** Puts back what could not be moved. */
  restore(job: Job): void {
    for (const bucket of job.buckets) this.#put(job.group, bucket);
  }

  #put(group: number, part: Bucket): void {
    let buckets = this.#groups.get(group);
    if (buckets === undefined) {
      buckets = new Map();
      this.#groups.set(group, buckets);
    }
    this.rows += part.ids.length;
    this.bytes += part.bytes;
    const bucket = buckets.get(part.hour);
    if (bucket === undefined) {
      buckets.set(part.hour, part);
      return;
    }
    const inOrder = (part.ids[0] as number) > (bucket.ids.at(-1) as number);
    for (const id of part.ids) bucket.ids.push(id);
    if (!inOrder) bucket.ids.sort((a, b) => a - b);
    bucket.bytes += part.bytes;
    bucket.minTime = Math.min(bucket.minTime, part.minTime);
    bucket.maxTime = Math.max(bucket.maxTime, part.maxTime);
    bucket.arrived = Math.min(bucket.arrived, part.arrived);
  }

  /** The slots of all groups that have a row of an hour before `over`. */
  #slots(over: number, fixedHours: (group: number, day: number) => SlotHours | null): Slot[] {
    const result: Slot[] = [];
    for (const [group, buckets] of this.#groups) {
      if (![...buckets.keys()].some((hour) => hour < over)) continue;
      const slots = new Map<number, Slot>();
      for (const bucket of buckets.values()) {
        const day = Math.floor(bucket.hour / 24);
        const hours = fixedHours(group, day) ?? slotHours(interval(buckets.values(), day));
        const hour = Math.floor((bucket.hour - day * 24) / hours) * hours;
        const slot = slots.get(day * 24 + hour);
        if (slot === undefined) slots.set(day * 24 + hour, { group, day, hours, hour, buckets: [bucket] });
        else slot.buckets.push(bucket);
      }
      result.push(...slots.values());
    }
    return result;
  }

  #detach(slot: Slot): Job {
    const all = slot.buckets.flatMap(({ ids }) => ids).sort((a, b) => a - b);
    const last = all[Math.min(all.length, MAX_JOB_ROWS) - 1] as number;
    const buckets = this.#groups.get(slot.group) as Map<number, Bucket>;
    const parts: Bucket[] = [];
    for (const bucket of slot.buckets) {
      const ids = bucket.ids.filter((id) => id <= last);
      if (ids.length === 0) continue;
      const bytes = Math.round((bucket.bytes * ids.length) / bucket.ids.length);
      parts.push({ ...bucket, ids, bytes });
      this.rows -= ids.length;
      this.bytes -= bytes;
      if (ids.length === bucket.ids.length) {
        buckets.delete(bucket.hour);
      } else {
        bucket.ids = bucket.ids.slice(ids.length);
        bucket.bytes -= bytes;
      }
    }
    if (buckets.size === 0) this.#groups.delete(slot.group);
    return { ...slot, buckets: parts, ids: all.slice(0, MAX_JOB_ROWS), bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0) };
  }
}

/** Average ms between the rows of a day. */
function interval(buckets: Iterable<Bucket>, day: number): number {
  let span = 0;
  let steps = 0;
  for (const { hour, ids, minTime, maxTime } of buckets) {
    if (Math.floor(hour / 24) !== day) continue;
    span += maxTime - minTime;
    steps += ids.length - 1;
  }
  return steps === 0 ? DAY : span / steps;
}
