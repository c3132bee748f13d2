import { byteScale, bytes, DEGREE, figure, percent, type Quantity, rate, rateScale, type Scale, whole } from './number.ts';

/** Units that are shown as they are, with the mark that stands beside the figure. Integers by nature are whole. */
const PLAIN: Readonly<Record<string, { readonly mark: string; readonly whole?: boolean }>> = {
  percent: { mark: '%' },
  celsius: { mark: DEGREE, whole: true },
  watts: { mark: 'W', whole: true },
  volts: { mark: 'V' },
  amperes: { mark: 'A' },
  rpm: { mark: 'rpm', whole: true },
  'Mbit/s': { mark: 'Mbit/s' },
  '1': { mark: '' },
  flag: { mark: '' },
};

const TIME: readonly (readonly [from: number, divisor: number, mark: string])[] = [
  [86_400, 86_400, 'd'],
  [3600, 3600, 'h'],
  [60, 60, 'min'],
  [1, 1, 's'],
  [1e-3, 1e-3, 'ms'],
  [0, 1e-6, '\u00b5s'],
];
const SECONDS: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };
const METRIC: readonly (readonly [from: number, mark: string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** The scale in which values up to `largest` of this catalog unit are drawn: one unit for a whole panel. */
export function scaleFor(unit: string | null, largest: number): Scale {
  const size = Math.abs(largest);
  if (unit === 'bytes') return byteScale(size);
  if (unit === 'bytes/s') return rateScale(size);
  const seconds = SECONDS[unit ?? ''];
  if (seconds !== undefined) {
    const [, divisor, mark] = TIME.find(([from]) => size * seconds >= from) ?? [0, 1, 's'];
    return { divisor: divisor / seconds, unit: mark };
  }
  if (unit === 'hertz' || unit === 'bits/s') {
    const [from, mark] = METRIC.find(([least]) => size >= least) ?? [1, ''];
    return { divisor: from, unit: mark + (unit === 'hertz' ? 'Hz' : 'bit/s') };
  }
  return { divisor: 1, unit: PLAIN[unit ?? '']?.mark ?? unit ?? '' };
}

/** One value of the catalog with its unit, e.g. 3.41 GiB, 54 (degrees), 12 processes. */
export function measured(unit: string | null, value: number | null | undefined): Quantity {
  if (unit === 'percent') return percent(value);
  if (unit === 'bytes') return bytes(value);
  if (unit === 'bytes/s') return rate(value);
  const known = typeof value === 'number' && Number.isFinite(value);
  const scale = scaleFor(unit, known ? value : 0);
  const text = PLAIN[unit ?? '']?.whole
    ? whole(value)
    : Number.isInteger(value)
      ? whole(value)
      : figure(known ? value / scale.divisor : null);
  return { text: scale.divisor === 1 ? text : figure(known ? value / scale.divisor : null), unit: known ? scale.unit : '' };
}

/** The unit of a counter read as change per second. */
export function perSecond(unit: string | null): string {
  if (unit === 'bytes') return 'bytes/s';
  if (unit === 'bits') return 'bits/s';
  if (unit === null || unit === '1') return '/s';
  return `${unit}/s`;
}
