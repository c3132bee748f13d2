import { ParseError, quote } from '../proc-text.ts';

/** Property -> value of one unit, as `systemctl show` prints them; what a unit does not have is not there or empty. */
export type UnitProperties = ReadonlyMap<string, string>;

/** Unit names hold ASCII letters, digits and `:-_.\@` only, at most 255 (systemd.unit(5)). */
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

const TIMESTAMP = /^[A-Z][a-z]{2} ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))? UTC$/;

/**
 * What `systemctl show --property=Id,... GLOB` prints: a line `Name=value` for each property, an empty line between units.
 * systemctl itself replaces a value that has line ends by `[unprintable]`. Throws ParseError.
 */
export function parseUnits(text: string): Map<string, UnitProperties> {
  const units = new Map<string, UnitProperties>();
  for (const block of text.split(/\n{2,}/)) {
    const properties = new Map<string, string>();
    for (const line of block.split('\n')) {
      if (line === '') continue;
      const equals = line.indexOf('=');
      if (equals < 1) throw new ParseError(`systemctl show: ${quote(line)} is not a property`);
      properties.set(line.slice(0, equals), line.slice(equals + 1));
    }
    if (properties.size === 0) continue;
    const name = properties.get('Id');
    if (name === undefined || !UNIT_NAME.test(name)) throw new ParseError(`systemctl show: ${quote(name)} is not the name of a unit`);
    units.set(name, properties);
  }
  return units;
}

/** The number of `Version=252.39-1~deb12u2`, as `systemctl show --property=Version` prints it. Throws ParseError. */
export function parseVersion(text: string): number {
  const [, version] = /^Version=v?([0-9]{1,5})(?![0-9])/.exec(text) ?? [];
  if (version === undefined) throw new ParseError(`systemctl show --property=Version: ${quote(text)} is not a version`);
  return Number(version);
}

/** A number that is set: undefined for `[not set]`, `infinity`, and the highest one, which meant this before systemd 240. */
export function parseSetNumber(text: string | undefined): number | bigint | undefined {
  if (text === undefined || !/^[0-9]{1,20}$/.test(text)) return undefined;
  const exact = BigInt(text);
  if (exact >= 2n ** 63n) return undefined;
  return exact > BigInt(Number.MAX_SAFE_INTEGER) ? exact : Number(exact);
}

/**
 * Microseconds since 1970 of `Tue 2026-11-24 10:00:00.123456 UTC`. Undefined for none (`n/a`), and for one of another zone,
 * as systemd before 247 prints it: its name does not tell its offset.
 */
export function parseTimestamp(text: string | undefined): number | undefined {
  const [, day, clock, fraction = ''] = TIMESTAMP.exec(text ?? '') ?? [];
  if (day === undefined) return undefined;
  const ms = Date.parse(`${day}T${clock}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.padEnd(6, '0'));
}
