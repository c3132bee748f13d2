/*
 * Time is cut into UTC days (a file each), a day into slots of 1, 2 or 24 hours (a chunk of each series): short slots
 * for series that come often, so that a chunk has some hundred rows whatever the interval.
 */
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** Days since the epoch. */
export const dayOf = (time: number): number => Math.floor(time / DAY);
/** Hours since the epoch. */
export const hourOf = (time: number): number => Math.floor(time / HOUR);

export type SlotHours = 1 | 2 | 24;

/** Slot length for rows that come every `interval` ms. */
export function slotHours(interval: number): SlotHours {
  if (interval <= 15_000) return 1;
  return interval <= 30_000 ? 2 : 24;
}

/** `2026-11-20.db` */
export function dayFileName(day: number): string {
  return `${new Date(day * DAY).toISOString().slice(0, 10)}.db`;
}

/** The day of a file's name, or null if it is no day file. */
export function dayOfFileName(name: string): number | null {
  const match = /^(\d{4}-\d{2}-\d{2})\.db$/.exec(name);
  const time = match === null ? Number.NaN : Date.parse(match[1] as string);
  return Number.isNaN(time) ? null : time / DAY;
}

/** Key of a chunk in a day file: its series and the hour of the day at which its slot begins. */
export const chunkKey = (sid: number, hour: number): number => sid * 32 + hour;
