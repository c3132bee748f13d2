import { linesOf, ParseError, quote, wordsOf } from '../proc-text.ts';

/** The 64 bits of a kstat as a signed integer, as Telegraf takes them: a gauge that fell below zero is printed without a sign. */
function parseValue(text: string, what: string): number | bigint {
  if (!/^-?[0-9]{1,20}$/.test(text)) throw new ParseError(`${what}: ${quote(text)} is not a whole number`);
  const exact = BigInt.asIntN(64, BigInt(text));
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** Types of a named kstat (sys/kstat.h): text, and the integers of 32 and 64 bits. */
const CHAR = '0';
const INTEGERS = /^[1-6]$/;
const STRING = '7';

/**
 * A kstat of named values: a line of numbers, `name type data`, and a line for each. Values that are neither a number nor text
 * are left out. Throws ParseError.
 */
export function parseNamed(text: string, what: string): Map<string, number | bigint | string> {
  const [, header, ...lines] = linesOf(text);
  if (header === undefined || wordsOf(header).join(' ') !== 'name type data') {
    throw new ParseError(`${what}: ${quote(header)} is not the header of a kstat`);
  }
  const values = new Map<string, number | bigint | string>();
  for (const line of lines) {
    const [, name = '', type = '', data = ''] = /^(\S+)\s+([0-9])\s+(.*)$/.exec(line) ?? [];
    if (name === '') throw new ParseError(`${what}: ${quote(line)} is not a value`);
    if (INTEGERS.test(type)) values.set(name, parseValue(data.trim(), `${what}: ${name}`));
    else if (type === CHAR || type === STRING) values.set(name, data.trim());
  }
  return values;
}

/** A kstat of input and output (`nread nwritten reads ...` and the values below), as pools had it before OpenZFS 2.1. Throws ParseError. */
export function parseIo(text: string, what: string): Map<string, number | bigint> {
  const [, header = '', data = ''] = linesOf(text);
  const names = wordsOf(header);
  const values = wordsOf(data);
  if (names[0] !== 'nread' || values.length !== names.length)
    throw new ParseError(`${what}: ${quote(header)} is not a kstat of input and output`);
  return new Map(names.map((name, index) => [name, parseValue(values[index] ?? '', `${what}: ${name}`)]));
}
