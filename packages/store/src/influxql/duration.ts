const NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  u: 1_000n,
  '\u00b5': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** Nanoseconds of a duration literal such as `1h30m`, or null if it is none. */
export function parseDuration(text: string): bigint | null {
  let total = 0n;
  let rest = text;
  while (rest !== '') {
    const part = /^([0-9]+)(ns|ms|[u\u00b5smhdw])/.exec(rest);
    const unit = part?.[2] === undefined ? undefined : NS[part[2]];
    if (part?.[1] === undefined || unit === undefined) return null;
    total += BigInt(part[1]) * unit;
    rest = rest.slice(part[0].length);
  }
  return text === '' ? null : total;
}
