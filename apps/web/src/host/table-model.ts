import type { HostDetail, Row } from '../api/types.ts';
import type { Quantity } from '../format/number.ts';
import type { GlyphName } from '../parts/Glyph.vue';

/** A panel that is a table: made out of rows of a sample by pure functions, drawn by `TablePanel.vue`. */

export type Tone = '' | 't-warn' | 't-crit';

/** How something is: a shape, a tone and a word. */
export interface State {
  readonly glyph: GlyphName;
  readonly tone: Tone;
  readonly text: string;
}

export type Cell =
  /** Words of the host; `mono` for what a machine made. */
  | { readonly kind: 'text'; readonly text: string; readonly mono?: boolean; readonly quiet?: boolean; readonly title?: string }
  | { readonly kind: 'state'; readonly state: State; readonly title?: string }
  | { readonly kind: 'figure'; readonly q: Quantity; readonly tone?: Tone; readonly title?: string }
  /** A bar of a percentage with the figure beside it; null: not known. */
  | { readonly kind: 'level'; readonly percent: number | null; readonly limit?: number };

export interface Head {
  readonly text: string;
  /** Figures stand at the right. */
  readonly right?: boolean;
}

export interface TableModel {
  readonly title: string;
  /** Beside the title: "2 of 14 failed". */
  readonly said: string;
  /** Of the sample that it is of, ms. */
  readonly time: number | null;
  readonly heads: readonly Head[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly Cell[] }[];
}

export const OK: State = { glyph: 'ok', tone: '', text: 'OK' };
export const warn = (text: string): State => ({ glyph: 'warn', tone: 't-warn', text });
export const crit = (text: string): State => ({ glyph: 'crit', tone: 't-crit', text });
export const quiet = (text: string, glyph: GlyphName = 'off'): State => ({ glyph, tone: '', text });

export const words = (text: string, more: { readonly mono?: boolean; readonly quiet?: boolean; readonly title?: string } = {}): Cell => ({
  kind: 'text',
  text,
  ...more,
});
export const machine = (text: string, quiet = false): Cell => ({ kind: 'text', text, mono: true, quiet });
export const stateCell = (state: State, title?: string): Cell => ({ kind: 'state', state, ...(title === undefined ? {} : { title }) });
export const figureCell = (q: Quantity, tone: Tone = ''): Cell => ({ kind: 'figure', q, tone });
export const heads = (...texts: readonly (string | readonly [string])[]): Head[] =>
  texts.map((text) => (typeof text === 'string' ? { text } : { text: text[0], right: true }));

/** What is bad first, then what warns, else in the order that they came in. */
export function worstFirst<T>(items: readonly T[], stateOf: (item: T) => State): T[] {
  const rank = (item: T): number => ['t-crit', 't-warn', ''].indexOf(stateOf(item).tone);
  return [...items].sort((a, b) => rank(a) - rank(b));
}

/** "all 14 OK", or "2 of 14 not OK". */
export function attention(states: readonly State[]): string {
  const bad = states.filter(({ tone }) => tone !== '').length;
  return bad === 0 ? (states.length === 1 ? 'OK' : `all ${states.length} OK`) : `${bad} of ${states.length} not OK`;
}

/** Rows of the newest sample of a measurement; those of an older one are of what is gone, if `beside` has a newer one. */
export function currentRows(detail: HostDetail | null, measurement: string, beside?: string): readonly Row[] {
  const found = detail?.latest[measurement];
  const other = beside === undefined ? undefined : detail?.latest[beside];
  return found === undefined || (other !== undefined && other.time > found.time) ? [] : found.rows;
}

/** Does the cell say that something is not well? */
export function isBad(cell: Cell): boolean {
  return cell.kind === 'state' && cell.state.tone !== '';
}

/** A word of a machine for people: `not_found` is "Not found". */
export function asWords(text: string): string {
  return text.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());
}
