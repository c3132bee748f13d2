/** Strings, or integers that a double may not hold; everything else of JSON stands between the matches. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = '\u0000int:';

/**
 * JSON.parse, but integers beyond 2^53-1 become bigints instead of being rounded. (A whole double as large is written
 * the same way by InfluxDB and becomes a bigint too.)
 */
export function parseExactJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"\\u0000int:${token}"`,
  );
  return JSON.parse(marked, (_, value: unknown) => (typeof value === 'string' && value.startsWith(MARK) ? toBigInt(value) : value));
}

function toBigInt(marked: string): bigint | string {
  const digits = marked.slice(MARK.length);
  return /^-?\d+$/.test(digits) ? BigInt(digits) : marked;
}
