import { linesOf, parseCounter } from '../proc-text.ts';

/** Pages swapped in and out since boot, of /proc/vmstat; null where the kernel was built without swap. Throws ParseError. */
export function parseSwapPages(text: string): { in: number | bigint; out: number | bigint } | null {
  const value = (key: string) => {
    const line = linesOf(text).find((candidate) => candidate.startsWith(`${key} `));
    return line === undefined ? null : parseCounter(line.slice(key.length + 1).trim(), `/proc/vmstat: ${key}`);
  };
  const pagesIn = value('pswpin');
  const pagesOut = value('pswpout');
  return pagesIn === null || pagesOut === null ? null : { in: pagesIn, out: pagesOut };
}
