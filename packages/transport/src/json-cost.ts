/** JSON.parse and the checks after it take seconds for what is built to cost: a million brackets, or names. */
export const MAX_JSON_DEPTH = 64;
export const MAX_JSON_NAMES = 200_000;

/** Below this a text cannot hold enough of either. */
const CHEAP_BYTES = 32 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
/** `[` and `{` differ in one bit, as `]` and `}` do. */
const CASE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Why this text would be too costly to parse, or null. It need not be JSON. */
export function jsonCost(bytes: Uint8Array): string | null {
  if (bytes.length < CHEAP_BYTES) return null;
  let depth = 0;
  let names = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) at = endOfString(bytes, at + 1);
    else if (byte === COLON) {
      if (++names > MAX_JSON_NAMES) return `the payload has more than ${MAX_JSON_NAMES} names`;
    } else if ((byte | CASE) === OPEN) {
      if (++depth > MAX_JSON_DEPTH) return `the payload is nested more than ${MAX_JSON_DEPTH} deep`;
    } else if ((byte | CASE) === CLOSE) depth--;
  }
  return null;
}

/** Where the quote is that ends a string, or the end of the text. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
