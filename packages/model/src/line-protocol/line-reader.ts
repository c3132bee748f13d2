import type { FieldType, FieldValue, Tags } from '../sample.ts';

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const EQUALS = 61;
const BACKSLASH = 92;

const INT = /^[-+]?[0-9]+i$/;
const UNSIGNED = /^[0-9]+u$/;
const FLOAT = /^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/;
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE']);
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE']);
const MAX_INT = 9223372036854775807n;

/** Names that a record would not keep as its own. */
const RESERVED = '__proto__';

/** What a line lacks or has wrong. Never leaves this folder: parseLines() tells it in `errors`. */
export class LineSyntaxError extends Error {}

/** Walks over line protocol. After `next()` the parts of a line are read in their order; each may throw LineSyntaxError. */
export class LineReader {
  private readonly text: string;
  private at = 0;
  private start = 0;
  private end = 0;
  private line = 0;
  private nextQuote = -1;

  constructor(text: string) {
    this.text = text;
  }

  /** Goes to the next line that is neither empty nor a comment and returns its number (from 1), or null at the end. */
  next(): number | null {
    const { text } = this;
    for (let from = this.end; from < text.length; from = this.end) {
      this.line++;
      const number = this.line;
      this.at = from;
      this.skipSpaces();
      if (text.charCodeAt(this.at) === HASH) this.end = this.afterBreak(this.at);
      else {
        this.end = this.lineEnd(this.at);
        this.start = this.at;
        if (this.code() !== -1) return number;
      }
    }
    return null;
  }

  /** The whole of the current line. */
  rest(): string {
    const last = this.text.charCodeAt(this.end - 1) === NEWLINE ? this.end - 1 : this.end;
    return this.text.slice(this.start, last);
  }

  measurement(): string {
    const name = this.token(COMMA, SPACE, -2);
    if (name === '') throw new LineSyntaxError('missing measurement');
    return name;
  }

  /** Tags in the order of their keys; those with an empty value are refused, as InfluxDB does. */
  tags(): Tags {
    if (this.code() !== COMMA) return {};
    const pairs: [string, string][] = [];
    while (this.code() === COMMA) {
      this.at++;
      const key = this.token(COMMA, SPACE, EQUALS);
      if (key === '') throw new LineSyntaxError('missing tag key');
      if (this.code() !== EQUALS) throw new LineSyntaxError('missing tag value');
      this.at++;
      const value = this.token(COMMA, SPACE, EQUALS);
      if (this.code() === EQUALS) throw new LineSyntaxError('invalid tag format');
      if (value === '') throw new LineSyntaxError('missing tag value');
      if (key === RESERVED) throw new LineSyntaxError('invalid tag key');
      pairs.push([key, value]);
    }
    pairs.sort(([a], [b]) => (a < b ? -1 : 1));
    if (pairs.some(([key], i) => key === pairs[i - 1]?.[0])) throw new LineSyntaxError('duplicate tags');
    return Object.fromEntries(pairs);
  }

  fields(add: (key: string, value: FieldValue, type: FieldType) => void): void {
    if (this.code() !== SPACE) throw new LineSyntaxError('missing fields');
    this.skipSpaces();
    if (this.code() === -1) throw new LineSyntaxError('missing fields');
    for (;;) {
      const key = this.token(COMMA, SPACE, EQUALS);
      if (key === '' || key === RESERVED) throw new LineSyntaxError('missing field key');
      if (this.code() !== EQUALS) throw new LineSyntaxError('invalid field format');
      this.at++;
      if (this.code() === QUOTE) add(key, this.string(), 'string');
      else this.plainValue(key, add);
      if (this.code() !== COMMA) break;
      this.at++;
    }
    if (this.code() !== SPACE && this.code() !== -1) throw new LineSyntaxError('invalid field format');
  }

  /** The digits after the fields, null if there are none. */
  timestamp(): string | null {
    this.skipSpaces();
    if (this.code() === -1) return null;
    const from = this.at;
    while (this.code() !== -1 && this.code() !== SPACE) this.at++;
    const stamp = this.text.slice(from, this.at);
    this.skipSpaces();
    if (this.code() !== -1) throw new LineSyntaxError('point is invalid');
    return stamp;
  }

  /** The code unit at hand, -1 at the end of the line. */
  private code(): number {
    if (this.at >= this.end) return -1;
    const code = this.text.charCodeAt(this.at);
    if (code === NEWLINE || (code === RETURN && this.text.charCodeAt(this.at + 1) === NEWLINE)) return -1;
    return code;
  }

  private skipSpaces(): void {
    while (this.text.charCodeAt(this.at) === SPACE || this.text.charCodeAt(this.at) === 9 || this.text.charCodeAt(this.at) === 0) this.at++;
  }

  private afterBreak(from: number): number {
    return Math.min(indexOrEnd(this.text, '\n', from) + 1, this.text.length);
  }

  /** Where the line ends: at the first line break that is not inside of a quoted field value. */
  private lineEnd(from: number): number {
    const { text } = this;
    const first = this.afterBreak(from);
    // Most lines hold no string at all; the next quote is remembered, or each line would search the whole text.
    if (this.nextQuote < from) this.nextQuote = indexOrEnd(text, '"', from);
    if (this.nextQuote >= first) return first;
    let inFields = false;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) return at + 1;
      if (code === BACKSLASH && text.charCodeAt(at + 1) !== NEWLINE) at++;
      else if (code === SPACE) inFields = true;
      else if (code === QUOTE && inFields && text.charCodeAt(at - 1) === EQUALS) {
        at = this.stringEnd(at);
        if (at === -1) return first;
      }
    }
    return text.length;
  }

  /** Index of the closing quote, -1 if there is none. */
  private stringEnd(open: number): number {
    for (let at = open + 1; at < this.text.length; at++) {
      const code = this.text.charCodeAt(at);
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) return at;
    }
    return -1;
  }

  /** Up to one of the stops; a backslash takes the meaning from a stop (and from `=`), else it stands for itself. */
  private token(a: number, b: number, c: number): string {
    const from = this.at;
    let plain = true;
    for (let code = this.code(); code !== -1 && code !== a && code !== b && code !== c; code = this.code()) {
      if (code === BACKSLASH && this.escapes(c)) {
        plain = false;
        this.at++;
      }
      this.at++;
    }
    const raw = this.text.slice(from, this.at);
    if (plain) return raw;
    return c === EQUALS ? raw.replace(/\\([,= ])/g, '$1') : raw.replace(/\\([, ])/g, '$1');
  }

  private escapes(c: number): boolean {
    const next = this.text.charCodeAt(this.at + 1);
    return next === COMMA || next === SPACE || (next === EQUALS && c === EQUALS);
  }

  private string(): string {
    const close = this.stringEnd(this.at);
    if (close === -1 || close >= this.end) throw new LineSyntaxError('unbalanced quotes');
    const raw = this.text.slice(this.at + 1, close);
    this.at = close + 1;
    return raw.includes('\\') ? raw.replace(/\\(["\\])/g, '$1') : raw;
  }

  private plainValue(key: string, add: (key: string, value: FieldValue, type: FieldType) => void): void {
    const from = this.at;
    for (let code = this.code(); code !== -1 && code !== COMMA && code !== SPACE; code = this.code()) this.at++;
    const text = this.text.slice(from, this.at);
    if (text === '') throw new LineSyntaxError('missing field value');
    if (FLOAT.test(text)) add(key, finite(Number(text)), 'float');
    else if (INT.test(text) || UNSIGNED.test(text)) add(key, integer(text), 'int');
    else if (TRUE.has(text)) add(key, true, 'bool');
    else if (FALSE.has(text)) add(key, false, 'bool');
    else throw new LineSyntaxError(/^[-+.0-9]/.test(text) ? 'invalid number' : 'invalid boolean');
  }
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at === -1 ? text.length : at;
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new LineSyntaxError('invalid number');
  return value;
}

/** `42i`, and `42u` as far as a signed integer holds it. */
function integer(text: string): number | bigint {
  const digits = text.slice(text.startsWith('+') ? 1 : 0, -1);
  const near = Number(digits);
  if (Number.isSafeInteger(near)) return near + 0;
  const exact = digits.length > 20 ? MAX_INT + 1n : BigInt(digits);
  if (exact > MAX_INT || exact < -MAX_INT - 1n) throw new LineSyntaxError(`unable to parse integer ${digits}: value out of range`);
  return exact;
}
