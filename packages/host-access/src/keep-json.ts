/**
 * The JSON text reduced to what the pointers name (RFC 6901; `*` is every key or element). Lists keep their length: an
 * element of which nothing is kept is null. Empty if the text is not JSON or nothing of it is named.
 */
export function keepJson(text: string, pointers: readonly string[]): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return '';
  }
  const kept = prune(value, pointers.map(tokensOf));
  return kept === undefined ? '' : JSON.stringify(kept);
}

function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function prune(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (paths.some((path) => path.length === 0)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const below = (key: string) => paths.filter(([first]) => first === '*' || first === key).map((path) => path.slice(1));
  if (Array.isArray(value)) {
    const kept = value.map((element: unknown, index) => prune(element, below(String(index))));
    return kept.every((element) => element === undefined) && kept.length > 0 ? undefined : kept.map((element) => element ?? null);
  }
  const kept = Object.entries(value).flatMap(([key, inner]) => {
    const rest = below(key);
    const result = rest.length === 0 ? undefined : prune(inner, rest);
    return result === undefined ? [] : [[key, result] as const];
  });
  // As its own property also if the key is __proto__.
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
