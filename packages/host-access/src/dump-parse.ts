import { type Answer, type DumpEntry, decodeTimings, parseAskLine } from './dump-entry.ts';

const HEADER = /^===== (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) =====$/;
const LINE_END = 0x0a;
/** A header is short; a longer first line is not one, and need not be read to its end. */
const MAX_LINE_BYTES = 1024 * 1024;

interface Read {
  /** Null for what is well-formed but not for us: a note, an ask of a later version. */
  readonly entry: DumpEntry | null;
  readonly end: number;
}

/**
 * The entries of a commands.log, in order. Never throws: where an entry is torn (the agent was killed while it wrote) or
 * damaged, it yields `damaged` and goes on at the next header.
 */
export function* parseCommandsLog(bytes: Buffer): Generator<DumpEntry | 'damaged'> {
  let at = skipLineEnds(bytes, 0);
  while (at < bytes.length) {
    const read = readEntry(bytes, at);
    const next = read === null ? at : skipLineEnds(bytes, read.end);
    const follows = next === bytes.length || isHeader(bytes, next);
    // What is followed by noise was torn before its end if it has swallowed the next header; else it is whole.
    if (read !== null && (follows || findHeader(bytes, at + 1) >= read.end)) {
      if (read.entry !== null) yield read.entry;
      at = next;
    }
    if (read === null || !follows) {
      yield 'damaged';
      at = findHeader(bytes, at + 1);
    }
  }
}

function readEntry(bytes: Buffer, start: number): Read | null {
  const header = lineAt(bytes, start);
  const time = Date.parse(HEADER.exec(header?.text ?? '')?.[1] ?? '');
  const ask = header && lineAt(bytes, header.end);
  if (!ask || Number.isNaN(time)) return null;
  if (ask.text.startsWith('# ')) return { entry: null, end: ask.end };
  const outcome = lineAt(bytes, ask.end);
  if (!outcome) return null;
  const values = new Map([...outcome.text.matchAll(/(\w+)=(\S+)/g)].map(([, key = '', value = '']) => [key, value]));
  const asked = parseAskLine(ask.text);
  const durationMs = Number.parseFloat(values.get('duration') ?? '0') || 0;
  const error = values.get('error');
  if (error !== undefined) {
    return { entry: asked && { time, asked, durationMs, answer: { error } }, end: outcome.end };
  }
  const size = natural(values.get('size'));
  const stderrSize = natural(values.get('stderr') ?? values.get('headers') ?? '0');
  if (size === null || stderrSize === null || stderrSize > size) return null;
  if (size === 0) return { entry: asked && { time, asked, durationMs, answer: answerOf(values, '', '') }, end: outcome.end };
  const body = bytes[outcome.end] === LINE_END ? outcome.end + 1 : -1;
  if (body < 0 || body + size > bytes.length) return null;
  const split = body + size - stderrSize;
  const stdout = bytes.toString('utf8', body, split);
  const stderr = bytes.toString('utf8', split, body + size);
  return { entry: asked && { time, asked, durationMs, answer: answerOf(values, stdout, stderr) }, end: body + size };
}

function answerOf(values: ReadonlyMap<string, string>, stdout: string, stderr: string): Answer {
  const number = (key: string) => Number.parseInt(values.get(key) ?? '', 10) || 0;
  const timings = decodeTimings(values.get('timings') ?? '');
  return {
    ...(values.has('exit') ? { exitCode: number('exit') } : {}),
    ...(values.has('status') ? { status: number('status') } : {}),
    ...(timings === null ? {} : { timings }),
    stdout,
    stderr,
  };
}

function natural(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function lineAt(bytes: Buffer, start: number): { text: string; end: number } | null {
  const end = bytes.indexOf(LINE_END, start);
  if (end < 0 || end - start > MAX_LINE_BYTES) return null;
  return { text: bytes.toString('utf8', start, end), end: end + 1 };
}

function isHeader(bytes: Buffer, at: number): boolean {
  // A header that was cut short by the end of the file is a torn entry, told of at its own turn.
  const line = bytes.toString('latin1', at, at + 64).split('\n', 1)[0] ?? '';
  return line.startsWith('===== ') && (HEADER.test(line) || at + line.length === bytes.length);
}

function findHeader(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf('\n===== ', from - 1); at >= 0; at = bytes.indexOf('\n===== ', at + 1)) {
    if (isHeader(bytes, at + 1)) return at + 1;
  }
  return bytes.length;
}

function skipLineEnds(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === LINE_END) at += 1;
  return at;
}
