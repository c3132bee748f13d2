/** Could this be the id of a host? What an address says ends in a command that people copy, so it has to be harmless. */
export function isHostId(text: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]{0,62}$/.test(text);
}
