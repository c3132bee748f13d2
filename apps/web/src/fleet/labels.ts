/** Groups and labels as people write them: `site=home, rack="row 2"`. */

export type Labels = Readonly<Record<string, string>>;

export type ReadLabels =
  | { readonly ok: true; readonly labels: Labels }
  /** `problem`: one sentence. */
  | { readonly ok: false; readonly problem: string };

const KEY = /^[a-z][a-z0-9_.-]{0,31}$/;
const GROUP = /^[A-Za-z0-9](?:[A-Za-z0-9 _.-]{0,30}[A-Za-z0-9_.-])?$/;
const LONGEST_VALUE = 63;
const MOST = 32;

/** One word of a filter or of a list of labels: what stands in double quotes belongs together, a backslash takes the next as it is. */
const WORD = /(?:"(?:\\.|[^"\\])*"?|\\.|[^\s,"\\]|\\$)+/gsu;

/** Divides by spaces and commas outside of quotes. The words are still quoted. */
export function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** A word without its quotes and backslashes. */
export function unquote(word: string): string {
  return word.replace(/\\(.)|"|\\$/gsu, '$1');
}

/** A value that `unquote` reads back, in quotes where it has to be. */
export function quote(value: string): string {
  return value !== '' && !/[\s,"\\]/u.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Reads `key=value` pairs. */
export function readLabels(text: string): ReadLabels {
  const labels = new Map<string, string>();
  for (const word of wordsOf(text)) {
    const at = word.indexOf('=');
    const key = at < 0 ? unquote(word) : unquote(word.slice(0, at));
    if (at < 0) return { ok: false, problem: `A label is key=value. Try ${key}=yes.` };
    const value = unquote(word.slice(at + 1));
    if (!KEY.test(key)) return { ok: false, problem: 'A key is a lower-case letter, then letters, digits, dots, dashes.' };
    if (value === '') return { ok: false, problem: `The label ${key} has no value.` };
    if (value.length > LONGEST_VALUE) return { ok: false, problem: `The value of ${key} is longer than ${LONGEST_VALUE} characters.` };
    if (value !== value.trim()) return { ok: false, problem: `The value of ${key} has a space at an end.` };
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(value)) return { ok: false, problem: `The value of ${key} has a character that cannot be printed.` };
    if (labels.has(key)) return { ok: false, problem: `The label ${key} stands there twice.` };
    labels.set(key, value);
  }
  if (labels.size > MOST) return { ok: false, problem: `A host has at most ${MOST} labels.` };
  return { ok: true, labels: Object.fromEntries(labels) };
}

/** The value of a label; null if it is not there, also where every object has a property of that name. */
export function labelOf(labels: Labels, key: string): string | null {
  return Object.hasOwn(labels, key) ? (labels[key] ?? null) : null;
}

/** What `readLabels` reads back. */
export function writeLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${quote(value)}`)
    .join(' ');
}

/** Why this cannot be the name of a group, or null. Empty is no group, and fine. */
export function groupProblem(text: string): string | null {
  if (text === '' || GROUP.test(text)) return null;
  return text.length > 32 ? 'A group has at most 32 characters.' : 'Letters, digits, spaces, dots, dashes; no space at an end.';
}
