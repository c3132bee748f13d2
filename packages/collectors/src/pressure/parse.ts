import type { Row } from '@hostwire/model';
import { linesOf, ParseError, parseCounter, parseDecimal, quote, wordsOf } from '../proc-text.ts';

/**
 * The rows of one file of /proc/pressure (Documentation/accounting/psi.rst): percent of wall time in which some, or all,
 * tasks waited for the resource, and the microseconds since boot. `full` of the cpu is always 0 and left out, as in
 * Telegraf. Throws ParseError.
 */
export function parsePressure(resource: string, text: string): Row[] {
  const rows: Row[] = [];
  for (const line of linesOf(text)) {
    const [type, ...pairs] = wordsOf(line);
    if (type !== 'some' && type !== 'full') throw new ParseError(`/proc/pressure/${resource}: ${quote(line)} is neither some nor full`);
    if (resource === 'cpu' && type === 'full') continue;
    const values = new Map(pairs.map((pair) => pair.split('=', 2) as [string, string | undefined]));
    const what = (key: string) => `/proc/pressure/${resource}: ${type} ${key}`;
    rows.push({
      tags: { resource, type },
      fields: {
        avg10: parseDecimal(values.get('avg10'), what('avg10')),
        avg60: parseDecimal(values.get('avg60'), what('avg60')),
        avg300: parseDecimal(values.get('avg300'), what('avg300')),
        total: parseCounter(values.get('total'), what('total')),
      },
    });
  }
  return rows;
}
