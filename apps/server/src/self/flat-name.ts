/**
 * A counter or level as a field of measurement `hostwire`: the labels' values joined to the bare name by `_`.
 * `ingest_refused_total{reason="bad-token"}` of part `ingest` is `refused_bad_token`.
 */
export function flatName(part: string, entry: string): string {
  const at = entry.indexOf('{');
  const name = at < 0 ? entry : entry.slice(0, at);
  const bare = (name.startsWith(`${part}_`) ? name.slice(part.length + 1) : name).replace(/_total$/, '');
  const labels = [...entry.slice(name.length).matchAll(/="([^"]*)"/g)].map(([, value = '']) => value);
  return [bare, ...labels].join('_').replace(/[^A-Za-z0-9_]+/g, '_');
}

/** The part that a level belongs to: what its name begins with; the hosts' are the live state's. */
export function partOfLevel(entry: string): string {
  const name = entry.split('{')[0] ?? '';
  const at = name.indexOf('_');
  return at < 0 ? 'live' : name.slice(0, at);
}
