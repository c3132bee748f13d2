/**
 * Finds the line (from 1) that sets a key path in a TOML text, or null. It reads headers and `key =` only, which is enough to
 * point at a line: keys inside inline tables are found at the line of their table, what it cannot tell has no line.
 */
export function keyLines(text: string): (key: string) => number | null {
  const lines = new Map<string, number>();
  let prefix = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[\[?\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    const name = header ?? /^\s*([A-Za-z0-9_."'-]+(?:\s*\.\s*[A-Za-z0-9_."'-]+)*)\s*=/.exec(line)?.[1];
    if (name === undefined) continue;
    const path = name.replace(/\s*\.\s*/g, '.').replaceAll("'", '"');
    const plain = path.replace(/"([A-Za-z0-9_-]+)"/g, '$1');
    if (header !== undefined) prefix = `${plain}.`;
    const key = header !== undefined ? plain : `${prefix}${plain}`;
    if (!lines.has(key)) lines.set(key, index + 1);
  }
  return (key) => {
    for (let at = key.replace(/\[\d+\]/g, ''); at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
      const line = lines.get(at);
      if (line !== undefined) return line;
    }
    return null;
  };
}
