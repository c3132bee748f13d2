/** Tag `server` of a target: its name, else its URL without the query, which may hold a key. */
export function serverOf({ url, name }: { readonly url: string; readonly name: string }): string {
  return name === '' ? (url.split('?')[0] ?? url) : name;
}

/** The tags of a target as one text. */
export function seriesOf(target: { readonly url: string; readonly name: string; readonly method: string }): string {
  return `${target.method} ${serverOf(target)}`;
}
