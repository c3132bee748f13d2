import type { FieldValue } from '@hostwire/model';
import { linesOf, ParseError, quote } from '../proc-text.ts';

/** Properties that are asked for, in this order, and the fields that they become. `fragmentation` is missing in old versions. */
export const PROPERTIES = ['name', 'size', 'allocated', 'free', 'capacity', 'dedupratio', 'health', 'fragmentation'] as const;

export interface ListedPool {
  readonly pool: string;
  readonly fields: Record<string, FieldValue>;
}

/** `zpool list -H [-p] -o name,size,...` (zpool-list(8)): a pool a line, divided by tabs. Throws ParseError. */
export function parseList(text: string): ListedPool[] {
  return linesOf(text).map((line) => {
    const [pool = '', size, allocated, free, capacity, dedupratio, health = '', fragmentation] = line.split('\t');
    if (pool === '' || !/^[A-Z]+$/.test(health)) throw new ParseError(`zpool list: ${quote(line)} is not a pool`);
    const fields: Record<string, FieldValue> = { health, healthy: health === 'ONLINE' };
    const put = (name: string, value: number | undefined) => {
      if (value !== undefined) fields[name] = value;
    };
    put('size', parseAmount(size, `zpool list: size of ${pool}`));
    put('allocated', parseAmount(allocated, `zpool list: allocated of ${pool}`));
    put('free', parseAmount(free, `zpool list: free of ${pool}`));
    put('capacity_percent', parsePlain(capacity, '%', `zpool list: capacity of ${pool}`));
    put('dedupratio', parsePlain(dedupratio, 'x', `zpool list: dedupratio of ${pool}`));
    put('fragmentation_percent', parsePlain(fragmentation, '%', `zpool list: fragmentation of ${pool}`));
    return { pool, fields };
  });
}

const POWERS = 'KMGTPE';

/**
 * A whole number, or one of three digits and a power of 1024 (`91.5M`, `1.23K`) as zpool writes it without `-p`. Undefined for `-`,
 * which is what a pool that cannot be opened has. Throws ParseError.
 */
export function parseAmount(text: string | undefined, what: string): number | undefined {
  if (text === '-') return undefined;
  const [, digits, power = ''] = /^([0-9]{1,20}(?:\.[0-9]{1,3})?)([KMGTPE]?)B?$/.exec(text ?? '') ?? [];
  if (digits === undefined) throw new ParseError(`${what}: ${quote(text)} is not an amount`);
  return Math.round(Number(digits) * 1024 ** (power === '' ? 0 : POWERS.indexOf(power) + 1));
}

function parsePlain(text: string | undefined, unit: string, what: string): number | undefined {
  if (text === undefined || text === '-') return undefined;
  const number = text.endsWith(unit) ? text.slice(0, -unit.length) : text;
  if (!/^[0-9]{1,12}(\.[0-9]{1,6})?$/.test(number)) throw new ParseError(`${what}: ${quote(text)} is not a number`);
  return Number(number);
}

/** `date +%z`: `+0100` as ms. Throws ParseError. */
export function parseZone(text: string): number {
  const [, sign, hours, minutes] = /^([+-])([0-9]{2})([0-9]{2})\s*$/.exec(text) ?? [];
  if (sign === undefined) throw new ParseError(`date +%z: ${quote(text)} is not a time zone`);
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
