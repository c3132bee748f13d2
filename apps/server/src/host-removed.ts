/** What became of a removed host, for whoever removed it. */
export function hostRemoved(host: string): string {
  return `Host ${host} removed: its token is refused from now on. What it measured stays in the store.`;
}
