import { cut, printable } from '@hostwire/collectors';
import type { FieldValue } from '@hostwire/model';
import { findSource, piecesOf, type Source } from './find-source.ts';
import type { Ask, Reading } from './reading.ts';

const MAX_ROWS = 20;
const MAX_ASKS = 12;
const MAX_LINES = 12;
const MAX_WIDTH = 160;
/** Of one answer, in the JSON. */
const MAX_TEXT = 16 * 1024;
const MAX_ASKS_JSON = 256;

/** A value and where it was read. */
export interface VerifiedValue {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly field: string;
  readonly value: FieldValue;
  /** Null: it is computed, or stands in no line that says so. */
  readonly source: Source | null;
}

export function verifiedValues({ rows, asks }: Reading, maxRows = Number.POSITIVE_INFINITY): VerifiedValue[] {
  const pieces = piecesOf(asks);
  return Object.entries(rows).flatMap(([measurement, list]) =>
    list.slice(0, maxRows).flatMap(({ tags = {}, fields }) =>
      Object.entries(fields).map(([field, value]) => ({
        measurement,
        tags,
        field,
        value,
        source: findSource(value, field, tags, pieces),
      })),
    ),
  );
}

/** A reading for people: each value with the line that it was read from, then what was asked, all of it bounded. */
export function describeReading(reading: Reading): string {
  const { collector, capability, rows, errors, asks } = reading;
  if (!capability.available) {
    const { reason = 'it does not say why', hint } = capability;
    return [`${collector}: not available: ${oneLine(reason)}`, ...(hint === undefined ? [] : [`  -> ${oneLine(hint)}`])].join('\n');
  }
  const count = Object.values(rows).flat().length;
  const lines = [`${collector}: ${plural(count, 'row')} from ${plural(asks.length, 'ask')}${errors.length === 0 ? '' : ', with errors'}`];
  for (const { code, message } of errors) lines.push(`  error ${code}: ${oneLine(message)}`);
  let last = '';
  for (const value of verifiedValues(reading, MAX_ROWS)) {
    const row = [value.measurement, ...Object.entries(value.tags).map(([name, tag]) => `${name}=${tag}`)].join(' ');
    if (row !== last) lines.push(`  ${oneLine(row)}`);
    last = row;
    lines.push(valueLine(value));
  }
  for (const [measurement, list] of Object.entries(rows)) {
    if (list.length > MAX_ROWS) lines.push(`  ${measurement}: and ${list.length - MAX_ROWS} more rows (--json has all)`);
  }
  return [...lines, ...asks.slice(0, MAX_ASKS).flatMap(askLines), ...rest(asks.length - MAX_ASKS, 'asks', '  ')].join('\n');
}

/** A reading as `--json` prints it. */
export function readingBody(reading: Reading): object {
  const { collector, capability, rows, errors, asks } = reading;
  const told = asks.slice(0, MAX_ASKS_JSON).map(({ ask, outcome, durationMs, text }) => ({
    ...{ ask, outcome, duration_ms: Math.round(durationMs * 1000) / 1000 },
    ...{ text: cut(text, MAX_TEXT), truncated: text.length > MAX_TEXT },
  }));
  return { collector, capability, errors, rows, values: verifiedValues(reading), asks: told, asks_left_out: asks.length - told.length };
}

function valueLine({ field, value, source }: VerifiedValue): string {
  const left = `    ${field.padEnd(24)} ${oneLine(String(value)).padEnd(20)}`;
  return source === null ? left.trimEnd() : `${left} ${oneLine(source.line, 80)}  (${oneLine(source.ask, 60)})`;
}

function askLines({ ask, outcome, durationMs, text }: Ask): string[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const head = `  ${oneLine(ask)}  ${[outcome, `${durationMs.toFixed(1)} ms`].filter((part) => part !== '').join('  ')}`;
  if (text === '') return [head];
  return [head, ...lines.slice(0, MAX_LINES).map((line) => `    | ${oneLine(line)}`), ...rest(lines.length - MAX_LINES, 'lines', '    | ')];
}

function rest(count: number, what: string, indent: string): string[] {
  return count > 0 ? [`${indent}... and ${count} more ${what}`] : [];
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function oneLine(text: string, width = MAX_WIDTH): string {
  const line = printable(text).trimEnd();
  return line.length > width ? `${cut(line, width - 3)}...` : line;
}
