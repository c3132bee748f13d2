/** Figures as the dashboard writes them. Every function is total: whatever comes in, no NaN, null or undefined comes out. */

/** A figure and its unit, kept apart because the unit is set smaller. */
export interface Quantity {
  readonly text: string;
  /** Empty where there is none. */
  readonly unit: string;
}

/** There is no such thing on this host. What should be there and is not, is "no data" instead. */
export const DASH = '\u2013';
const MINUS = '\u2212';
export const DEGREE = '\u00b0C';

const signed = (value: number, text: string): string => (value < 0 && /[1-9]/.test(text) ? MINUS + text : text);
const known = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value);

/** Three significant digits, at most two decimals: 7.64, 34.8, 412. Under 0.01 is 0. A dash if it is not a number. */
export function figure(value: number | null | undefined): string {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  if (size < 0.01) return '0';
  const decimals = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return signed(value, size.toFixed(decimals));
}

/** A whole number, for counts, degrees, watts and revolutions. */
export function whole(value: number | null | undefined): string {
  return known(value) ? signed(value, Math.abs(value).toFixed(0)) : DASH;
}

/** As an axis has it: 12.3k, 4.5M beyond 9999; below as short as it is exact. */
export function axisFigure(value: number): string {
  if (!known(value)) return '';
  const size = Math.abs(value);
  const steps: readonly (readonly [number, string])[] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  const step = size >= 10_000 ? steps.find(([from]) => size >= from) : undefined;
  const text = String(Number((size / (step?.[0] ?? 1)).toPrecision(3)));
  return signed(value, text + (step?.[1] ?? ''));
}

const quantity = (text: string, unit: string): Quantity => ({ text, unit: text === DASH ? '' : unit });

export function percent(value: number | null | undefined): Quantity {
  return quantity(figure(value), '%');
}

/** A scale that figures of one panel or one column share. */
export interface Scale {
  readonly divisor: number;
  readonly unit: string;
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const DECIMAL = ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'] as const;

function scaleOf(value: number, base: number, units: readonly string[]): Scale {
  let step = 0;
  let divisor = 1;
  // Half a unit below the next one already reads as the next: 1023.6 KiB would be written "1024".
  while (step < units.length - 1 && Math.abs(value) / divisor >= base - 0.5) {
    step += 1;
    divisor *= base;
  }
  return { divisor, unit: units[step] ?? '' };
}

/** The binary scale (KiB, MiB ...) in which `value` bytes have one to four digits before the point. */
export const byteScale = (value: number): Scale => scaleOf(known(value) ? value : 0, 1024, BINARY);
/** The decimal scale (kB/s, MB/s ...) for `value` bytes per second. */
export const rateScale = (value: number): Scale => scaleOf(known(value) ? value : 0, 1000, DECIMAL);

function scaled(value: number | null | undefined, scale: (value: number) => Scale): Quantity {
  if (!known(value)) return quantity(DASH, '');
  const { divisor, unit } = scale(value);
  return quantity(divisor === 1 ? whole(value) : figure(value / divisor), unit);
}

/** Memory and disks, binary. */
export const bytes = (value: number | null | undefined): Quantity => scaled(value, byteScale);
/** Bytes per second, decimal. */
export const rate = (value: number | null | undefined): Quantity => scaled(value, rateScale);

/** "61.2 of 84.6 TiB": both in the unit of the whole. */
export function usedOfTotal(used: number | null | undefined, total: number | null | undefined): string {
  if (!known(total)) return DASH;
  const { divisor, unit } = byteScale(total);
  return `${figure(known(used) ? used / divisor : null)} of ${figure(total / divisor)} ${unit}`;
}

/** "1 host", "3 hosts". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${whole(n)} ${n === 1 ? noun : plural}`;
}
