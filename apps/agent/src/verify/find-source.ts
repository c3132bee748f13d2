import type { FieldValue } from '@hostwire/model';
import type { Ask } from './reading.ts';

/** A piece of what was read. */
export interface Source {
  readonly ask: string;
  readonly line: string;
}

/** One line of one answer, ready to be searched. */
export interface Piece extends Source {
  readonly lower: string;
}

const MAX_PIECES = 20_000;
const MAX_LINE = 4096;
/** A match of this score is worth showing: the value is there, and something else speaks for the line. */
const LEAST_SCORE = 3;

/** What was read as lines; JSON as one line a value. */
export function piecesOf(asks: readonly Ask[]): Piece[] {
  const pieces: Piece[] = [];
  for (const { ask, text } of asks) {
    for (const part of linesOf(text)) {
      if (pieces.length >= MAX_PIECES) return pieces;
      const line = part.slice(0, MAX_LINE);
      if (line.trim() !== '') pieces.push({ ask, line, lower: line.toLowerCase() });
    }
  }
  return pieces;
}

/**
 * The line in which a value most likely stands as it is or in another unit (KiB, sectors, milliseconds), by the name of its
 * field and the tags of its row; null for what is computed, and where nothing speaks for any line.
 */
export function findSource(
  value: FieldValue,
  field: string,
  tags: Readonly<Record<string, string>>,
  pieces: readonly Piece[],
): Source | null {
  const forms = formsOf(value);
  const words = field
    .toLowerCase()
    .split('_')
    .filter((word) => word.length > 2);
  const names = Object.values(tags)
    .map((name) => name.toLowerCase())
    .filter((name) => name.length > 1);
  let best: { readonly score: number; readonly piece: Piece } | null = null;
  for (const piece of pieces) {
    const found = forms.findIndex((form) => holds(piece.lower, form));
    if (found < 0) continue;
    const form = forms[found] ?? '';
    const count = (wanted: readonly string[], isIn: (text: string, word: string) => boolean) =>
      wanted.filter((word) => isIn(piece.lower, word)).length;
    const [named, tagged] = [count(words, (text, word) => text.includes(word)), count(names, holds)];
    // A single digit is everywhere.
    if (form.length === 1 && tagged === 0 && named < 2) continue;
    const score = (form.length > 4 ? 3 : form.length > 2 ? 2 : 0) + (found === 0 ? 1 : 0) + 2 * (named + tagged);
    if (score >= LEAST_SCORE && score > (best?.score ?? 0)) best = { score, piece };
  }
  return best === null ? null : { ask: best.piece.ask, line: best.piece.line };
}

/** Units in which the kernel and tools count what fields have in bytes, seconds, hertz. */
const FACTORS = [1, 1024, 512, 1_048_576, 1000, 1_000_000, 1e9, 0.001, 0.01];

function formsOf(value: FieldValue): string[] {
  if (typeof value === 'boolean') return [];
  if (typeof value === 'string') return value === '' ? [] : [value.toLowerCase()];
  if (typeof value === 'bigint') return [String(value)];
  const forms = FACTORS.map((factor) => value / factor).filter((form) => Number.isFinite(form) && Number.isInteger(form * 1000));
  return [...new Set(forms.map(String))].filter((form, index) => index === 0 || form.length > 1);
}

/** True if the text holds the word, and not as a part of a longer word or number. */
function holds(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/[\w.]/.test(text[at - 1] ?? ' ') && !/^(?:\w|\.\d)/.test(text.slice(at + word.length, at + word.length + 2))) return true;
  }
  return false;
}

function linesOf(text: string): string[] {
  if (/^\s*[[{]/.test(text)) {
    try {
      return leaves(JSON.parse(text), '');
    } catch {
      // No JSON after all.
    }
  }
  return text.split('\n');
}

function leaves(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}: ${String(value)}`];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`));
}
