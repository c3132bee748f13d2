/** Paths of one quiet trace of the sign-in page's background: a line with its band, the same on every load. */
export function trace(seed: number, base: number, width: number): { readonly line: string; readonly band: string } {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  const step = 12;
  let level = 0;
  const line: string[] = [];
  const upper: string[] = [];
  const lower: string[] = [];
  for (let x = 0; x <= width; x += step) {
    level = level * 0.94 + (random() - 0.5) * 9;
    const spread = 4 + random() * 8 + (random() > 0.95 ? 34 : 0);
    line.push(`${x} ${Math.round(base + level)}`);
    upper.push(`${x} ${Math.round(base + level - spread)}`);
    lower.unshift(`${x} ${Math.round(base + level + 6 + random() * 6)}`);
  }
  return { line: `M${line.join('L')}`, band: `M${upper.join('L')}L${lower.join('L')}Z` };
}
