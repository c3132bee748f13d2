/** Colours of the tokens, read for the canvas; read again after a change of theme. */
export interface Palette {
  readonly color: (token: string) => string;
  readonly alpha: (token: string, opacity: number) => string;
  readonly band: number;
  readonly stack: number;
}

export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (token: string): string => style.getPropertyValue(token).trim();
  return {
    color,
    // The data tokens are six hex digits; two more are the opacity.
    alpha: (token, opacity) =>
      color(token) +
      Math.round(opacity * 255)
        .toString(16)
        .padStart(2, '0'),
    band: Number(color('--band-alpha')) || 0.25,
    stack: Number(color('--stack-alpha')) || 0.5,
  };
}

/** Series colours in their fixed order; beyond eight they do not help any more. */
export const SERIES = [
  '--series-1',
  '--series-2',
  '--series-3',
  '--series-4',
  '--series-5',
  '--series-6',
  '--series-7',
  '--series-8',
] as const;

export function seriesColor(index: number): string {
  return SERIES[index] ?? '--series-8';
}
