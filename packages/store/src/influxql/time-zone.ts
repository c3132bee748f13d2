const formats = new Map<string, Intl.DateTimeFormat>();
const HOUR = 3_600_000;

function format(timeZone: string): Intl.DateTimeFormat {
  let found = formats.get(timeZone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, found);
  }
  return found;
}

/** How far the zone's clock is ahead of UTC at a time, in ms. */
function readOffset(ms: number, timeZone: string): number {
  const parts: Record<string, string> = {};
  for (const part of format(timeZone).formatToParts(ms)) parts[part.type] = part.value;
  const year = Number(parts['year']);
  const clock = new Date(0);
  clock.setUTCFullYear(parts['era'] === 'BC' ? 1 - year : year, Number(parts['month']) - 1, Number(parts['day']));
  clock.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']));
  return clock.getTime() - Math.floor(ms / 1000) * 1000;
}

/** Offsets of one zone. Remembers by quarter of an hour, within which no zone changes: asking Intl costs microseconds. */
export class ZoneOffsets {
  private readonly timeZone: string;
  private readonly known = new Map<number, number>();

  constructor(timeZone: string) {
    this.timeZone = timeZone;
  }

  /** ms ahead of UTC. */
  at(ms: number): number {
    const slot = Math.floor(ms / (HOUR / 4));
    let offset = this.known.get(slot);
    if (offset === undefined) {
      offset = readOffset(slot * (HOUR / 4), this.timeZone);
      this.known.set(slot, offset);
    }
    return offset;
  }
}

/** The time at which the zone's clock shows what UTC's clock shows at `local`. */
export function zonedTime(local: number, timeZone: string): number {
  const guess = local - readOffset(local, timeZone);
  return local - readOffset(guess, timeZone);
}
