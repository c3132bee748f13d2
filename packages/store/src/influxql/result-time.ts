import type { QueryOptions, QueryValue } from '../series-store.ts';
import { ZoneOffsets } from './time-zone.ts';
import { fromBig } from './values.ts';

export type Epoch = NonNullable<QueryOptions['epoch']>;

const UNIT_MS: Readonly<Record<'ms' | 's' | 'm' | 'h', number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Writes times as the answer wants them: numbers of a unit, or RFC 3339 with as many digits as needed. */
export function timeFormat(epoch: Epoch | undefined, timeZone: string | null): (ms: number, nanos: number) => QueryValue {
  if (epoch === undefined) {
    const offsets = timeZone === null ? null : new ZoneOffsets(timeZone);
    return (ms, nanos) => rfc3339(ms, nanos, offsets?.at(ms) ?? null);
  }
  if (epoch === 'ns') return (ms, nanos) => fromBig(BigInt(ms) * 1_000_000n + BigInt(nanos));
  if (epoch === 'u') return (ms, nanos) => ms * 1000 + Math.trunc(nanos / 1000);
  const unit = UNIT_MS[epoch];
  return (ms) => Math.trunc(ms / unit) + 0;
}

/** `aheadMs`: of the zone's clock; null is UTC. */
function rfc3339(ms: number, nanos: number, aheadMs: number | null): string {
  const shown = new Date(ms + (aheadMs ?? 0)).toISOString();
  const seconds = shown.slice(0, shown.length - 5);
  const fraction = `${shown.slice(-4, -1)}${String(nanos).padStart(6, '0')}`.replace(/0+$/, '');
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}${zoneSuffix(aheadMs)}`;
}

function zoneSuffix(aheadMs: number | null): string {
  if (aheadMs === null || aheadMs === 0) return 'Z';
  const minutes = Math.abs(Math.trunc(aheadMs / 60_000));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${aheadMs < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
}
