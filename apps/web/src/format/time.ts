/** Times and ages as the dashboard writes them: local time, 24 hours, whole units rounded down. */

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const two = (value: number): string => String(value).padStart(2, '0');

const DAY = 86_400;

/** A span in whole units, rounded down: 3s, 12m, 5h, 112d. Never negative. */
export function span(seconds: number): string {
  const value = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  if (value < 60) return `${value}s`;
  if (value < 3600) return `${Math.floor(value / 60)}m`;
  if (value < DAY) return `${Math.floor(value / 3600)}h`;
  return `${Math.floor(value / DAY)}d`;
}

/** What is left of a span, in ms: 13:42, from an hour on 5h 12m, from a day on 2d 3h; whole seconds, floor. */
export function countdown(ms: number): string {
  const left = Number.isFinite(ms) ? Math.max(0, Math.floor(ms / 1000)) : 0;
  if (left < 3600) return `${Math.floor(left / 60)}:${two(left % 60)}`;
  if (left < DAY) return `${Math.floor(left / 3600)}h ${Math.floor((left % 3600) / 60)}m`;
  return `${Math.floor(left / DAY)}d ${Math.floor((left % DAY) / 3600)}h`;
}

/** How long ago: as `span`, but weeks from two weeks on. `now` and `time` in ms. */
export function age(now: number, time: number): string {
  const seconds = (now - time) / 1000;
  return seconds >= 14 * DAY ? `${Math.floor(seconds / (7 * DAY))}w` : span(seconds);
}

/** HH:MM of the browser's zone. */
export function clock(time: number): string {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** HH:MM:SS, for moments. */
export function moment(time: number): string {
  return `${clock(time)}:${two(new Date(time).getSeconds())}`;
}

/** "16 Apr". */
export function day(time: number): string {
  const at = new Date(time);
  return `${at.getDate()} ${MONTHS[at.getMonth()] ?? ''}`;
}

/** "Wed 22": the label of a midnight on an axis. */
export function weekday(time: number): string {
  const at = new Date(time);
  return `${WEEKDAYS[at.getDay()] ?? ''} ${at.getDate()}`;
}

/** The time of day within the last day, else the date. */
export function since(now: number, time: number): string {
  return now - time < DAY * 1000 ? clock(time) : day(time);
}

/** A moment of the last day as HH:MM, with `seconds` HH:MM:SS; an older one with its date. */
export function when(now: number, time: number, seconds = false): string {
  const text = seconds ? moment(time) : clock(time);
  return now - time < DAY * 1000 ? text : `${day(time)} ${text}`;
}

/** "Wed 22 Apr 09:26:41". */
export function fullClock(time: number): string {
  const at = new Date(time);
  return `${weekday(time)} ${MONTHS[at.getMonth()] ?? ''} ${moment(time)}`;
}

/** "22 Apr 2026, 09:26:41", with the zone: for tooltips and for readers. */
export function exact(time: number): string {
  const at = new Date(time);
  const offset = -at.getTimezoneOffset();
  const zone = `UTC${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${day(time)} ${at.getFullYear()}, ${moment(time)} ${zone}`;
}

/** "21 Apr 21:26 to 09:26": the date again only where it differs. */
export function interval(from: number, to: number): { readonly from: string; readonly to: string } {
  const sameDay = day(from) === day(to);
  const long = to - from >= 2 * DAY * 1000;
  const time = to - from < 600_000 ? moment : clock;
  return {
    from: `${day(from)} ${time(from)}`,
    to: sameDay && !long ? time(to) : `${day(to)} ${time(to)}`,
  };
}

/** The width of one bucket in words: "10 s", "3 min", "1 h", "1 d". `step` in ms. */
export function bucket(step: number): string {
  const seconds = step / 1000;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.round(seconds / 6) / 10} min`;
  if (seconds < DAY) return `${Math.round(seconds / 360) / 10} h`;
  return `${Math.round(seconds / (DAY / 10)) / 10} d`;
}
