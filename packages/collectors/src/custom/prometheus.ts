import { ParseError, quote } from '../proc-text.ts';

/** One line of a Prometheus exposition. */
export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[\s\S])*)"[ \t]*(,|(?=\}))/y;
const REST = /[ \t]+([^ \t]{1,60})(?:[ \t]+-?[0-9]{1,20})?[ \t]*$/y;
const NUMBER = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,5})?$/;

/**
 * A line of Prometheus' text format (version 0.0.4), or null if it is empty or a comment. Its time is passed over. The value may
 * be NaN or infinite. Throws ParseError.
 */
export function parsePrometheusLine(line: string): PrometheusSample | null {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return null;
  const name = match(NAME, text, 0)?.[0];
  if (name === undefined) throw new ParseError(`${quote(text)} has no name`);
  let at = skipBlanks(text, name.length);
  const labels: Record<string, string> = {};
  if (text[at] === '{') {
    at = skipBlanks(text, at + 1);
    while (text[at] !== '}') {
      const found = match(LABEL, text, at);
      const [whole, label, value] = found ?? [];
      if (whole === undefined || label === undefined || value === undefined)
        throw new ParseError(`${quote(text)}: its labels do not read as such`);
      if (label === '__proto__' || Object.hasOwn(labels, label))
        throw new ParseError(`${quote(text)} has the label ${label} twice, or one that cannot be`);
      labels[label] = value.replace(/\\([\s\S])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      at = skipBlanks(text, at + whole.length);
    }
    at += 1;
  } else at = name.length;
  const value = match(REST, ` ${text.slice(at)}`, 0)?.[1];
  if (value === undefined) throw new ParseError(`${quote(text)} has no value`);
  return { name, labels, value: toNumber(value, text) };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

function toNumber(word: string, line: string): number {
  if (NUMBER.test(word)) return Number(word) + 0;
  if (/^[-+]?inf(inity)?$/i.test(word)) return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(word)) return Number.NaN;
  throw new ParseError(`${quote(line)}: ${quote(word)} is no number`);
}
