import { StoreError } from '../series-store.ts';

/** A name as InfluxQL's `"quoted identifier"`, whatever it holds. */
export function quoteIdentifier(name: string): string {
  return `"${escapeQuoted(name, '"')}"`;
}

/** A text as InfluxQL's `'string'`. */
export function quoteString(text: string): string {
  return `'${escapeQuoted(text, "'")}'`;
}

function escapeQuoted(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`);
}

/** A regular expression that matches exactly these texts, as InfluxQL's `/^(a|b)$/`. Throws StoreError `query` for a text with a line break. */
export function quoteExactRegex(texts: readonly string[]): string {
  if (texts.some((text) => text.includes('\n'))) throw new StoreError('query', 'a regular expression cannot hold a line break');
  return `/^(${texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|')})$/`;
}
