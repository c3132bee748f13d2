/**
 * A test for names by patterns of `*` (any run of characters), `?` (any one) and `[abc0-9]`, as in glob(7) but without
 * paths. True if any pattern matches the whole name. Never throws: a `[` without `]` is itself.
 */
export function globs(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map((pattern) => {
    const source = pattern.replace(/\[[^\]\\^]+\]|[\s\S]/g, (part) => {
      if (part === '*') return '.*';
      if (part === '?') return '.';
      return part.length > 1 ? `[${part.slice(1, -1).replaceAll('[', '\\[')}]` : part.replace(/[$()*+.?[\\\]^{|}]/, '\\$&');
    });
    try {
      return new RegExp(`^${source}$`, 's');
    } catch {
      // A reversed range such as [z-a] matches nothing.
      return /(?!)/;
    }
  });
  return (name) => tests.some((test) => test.test(name));
}
