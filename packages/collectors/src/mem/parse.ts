import { linesOf, ParseError, parseCounter, quote, scaleCounter } from '../proc-text.ts';

/** /proc/meminfo (proc(5)): key -> bytes, or a plain number where no unit stands. Throws ParseError. */
export function parseMeminfo(text: string): Map<string, number | bigint> {
  const values = new Map<string, number | bigint>();
  for (const line of linesOf(text)) {
    const match = /^([^:]+):\s*([0-9]+)( kB)?\s*$/.exec(line);
    if (match?.[1] === undefined) throw new ParseError(`/proc/meminfo: ${quote(line)} is not "key: number kB"`);
    const value = parseCounter(match[2], `/proc/meminfo: ${match[1]}`);
    values.set(match[1], match[3] === undefined ? value : scaleCounter(value, 1024));
  }
  if (!values.has('MemTotal')) throw new ParseError('/proc/meminfo: no MemTotal');
  return values;
}
