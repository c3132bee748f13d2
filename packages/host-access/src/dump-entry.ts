import type { ExecOptions, FileSystemStat, HttpTimings } from './host-access.ts';
import { parseWords, quoteWord } from './shell-words.ts';

/** What was asked of a host. */
export type Asked =
  | { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] }
  | { readonly kind: 'request'; readonly method: string; readonly target: string; readonly path: string }
  | { readonly kind: 'dial'; readonly target: string; readonly until: string }
  | { readonly kind: 'resolve'; readonly type: string; readonly name: string; readonly server: string }
  | { readonly kind: 'file' | 'dir' | 'link' | 'statfs'; readonly path: string };

/** A command as it is recorded: without its arguments if they are confidential. */
export function commandAsked(command: string, args: readonly string[], { confidential = false }: ExecOptions = {}): Asked {
  return { kind: 'command', command, args: confidential && args.length > 0 ? [`(${args.length} arguments)`] : args };
}

/**
 * What came back: an exit code for commands and a status for requests only, or the code of an AccessError. `stderr` is empty but
 * for commands; of a request `stdout` is the body and `stderr` its headers, as lines. Of what was dialled or resolved `stdout`
 * is JSON.
 */
export type Answer =
  | {
      readonly exitCode?: number;
      readonly status?: number;
      readonly timings?: HttpTimings;
      readonly stdout: string;
      readonly stderr: string;
      readonly error?: never;
    }
  | { readonly error: string };

/** One ask and its answer, as commands.log has it. */
export interface DumpEntry {
  /** Milliseconds since the epoch: when it was asked. */
  readonly time: number;
  readonly asked: Asked;
  readonly durationMs: number;
  readonly answer: Answer;
}

/**
 * The line that names an ask: `$ command args`, `< PATH`, `< dir PATH`, `< link PATH`, `< statfs PATH`,
 * `> METHOD TARGET PATH`, `@ dial TARGET UNTIL`, `@ resolve TYPE NAME SERVER`, words shell-quoted.
 */
export function askLine(asked: Asked): string {
  // Half surrogates do not survive UTF-8, neither here nor on their way to a program or the kernel.
  const word = (text: string) => quoteWord(Buffer.from(text).toString());
  if (asked.kind === 'command') return `$ ${[asked.command, ...asked.args].map(word).join(' ')}`;
  if (asked.kind === 'request') return `> ${[asked.method, asked.target, asked.path].map(word).join(' ')}`;
  if (asked.kind === 'dial') return `@ dial ${[asked.target, asked.until].map(word).join(' ')}`;
  if (asked.kind === 'resolve') return `@ resolve ${[asked.type, asked.name, asked.server].map(word).join(' ')}`;
  return asked.kind === 'file' ? `< ${word(asked.path)}` : `< ${asked.kind} ${word(asked.path)}`;
}

/** The ask that a line names, or null if it names none that this version knows. */
export function parseAskLine(line: string): Asked | null {
  const words = parseWords(line.slice(2));
  if (line.startsWith('$ ')) {
    const [command, ...args] = words ?? [];
    return command === undefined ? null : { kind: 'command', command, args };
  }
  if (line.startsWith('> ')) {
    const [method, target, path, ...others] = words ?? [];
    return method === undefined || target === undefined || path === undefined || others.length > 0
      ? null
      : { kind: 'request', method, target, path };
  }
  if (line.startsWith('@ ')) return parseNetAsk(words ?? []);
  if (!line.startsWith('< ')) return null;
  const [, kind = 'file', rest = ''] = /^< (?:(dir|link|statfs) )?(.+)$/s.exec(line) ?? [];
  if (rest === '') return null;
  const single = parseWords(rest);
  const path = single?.length === 1 && single[0] !== undefined ? single[0] : rest;
  return { kind: kind as 'file' | 'dir' | 'link' | 'statfs', path };
}

function parseNetAsk([kind, ...words]: readonly string[]): Asked | null {
  const [first, second, third, ...others] = words;
  if (first === undefined || second === undefined || others.length > 0) return null;
  if (kind === 'dial') return third === undefined ? { kind, target: first, until: second } : null;
  if (kind === 'resolve' && third !== undefined) return { kind, type: first, name: second, server: third };
  return null;
}

/** An entry as bytes. The sizes delimit it, so that any output is exact; line ends after the body are for the reader's eye. */
export function encodeEntry({ time, asked, durationMs, answer }: DumpEntry): Buffer {
  const head = `===== ${new Date(time).toISOString()} =====\n${askLine(asked)}\n`;
  const duration = `duration=${Math.max(0, Math.round(durationMs))}ms`;
  if (answer.error !== undefined) {
    const code = answer.error.replace(/[^\w.-]+/g, '-') || 'error';
    return Buffer.from(`${head}error=${code}  ${duration}\n\n`);
  }
  const stdout = Buffer.from(answer.stdout);
  const stderr = Buffer.from(answer.stderr);
  const exit = answer.exitCode === undefined ? '' : `exit=${answer.exitCode}  `;
  const status = answer.status === undefined ? '' : `status=${answer.status}  `;
  const timings = answer.timings === undefined ? '' : `  timings=${TIMING_KEYS.map((key) => answer.timings?.[key]).join(',')}`;
  const second = answer.status === undefined ? 'stderr' : 'headers';
  const sizes = `size=${stdout.length + stderr.length}${stderr.length > 0 ? ` ${second}=${stderr.length}` : ''}`;
  const last = stderr.at(-1) ?? stdout.at(-1);
  const tail = last === undefined ? '' : last === 0x0a ? '\n' : '\n\n';
  return Buffer.concat([Buffer.from(`${head}${exit}${status}${duration}${timings}  ${sizes}\n\n`), stdout, stderr, Buffer.from(tail)]);
}

const TIMING_KEYS = ['dnsMs', 'connectMs', 'tlsMs', 'firstByteMs', 'totalMs'] as const;

/** Timings as they stand in an entry, `0,1.25,0,3,4.5`; null if that is none. */
export function decodeTimings(text: string): HttpTimings | null {
  const [dnsMs, connectMs, tlsMs, firstByteMs, totalMs, ...others] = text.split(',').map(Number);
  const read = { dnsMs, connectMs, tlsMs, firstByteMs, totalMs };
  return others.length === 0 && Object.values(read).every((ms) => ms !== undefined && Number.isFinite(ms)) ? (read as HttpTimings) : null;
}

/** Headers as `name: value` lines. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, ' ')}\n`)
    .join('');
}

export function decodeHeaders(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.includes(': '));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
}

/** A directory's names, one a line; a name with a line end in it is quoted as `$'...'`. */
export function encodeNames(names: readonly string[]): string {
  return names.map((name) => `${needsQuotes(name) ? quoteWord(name) : name}\n`).join('');
}

export function decodeNames(body: string): string[] {
  if (body === '') return [];
  return body
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line.startsWith("$'") ? (parseWords(line)?.[0] ?? line) : line));
}

function needsQuotes(name: string): boolean {
  return name.includes('\n') || name.startsWith("$'");
}

const STAT_KEYS = ['blockSize', 'blocks', 'blocksFree', 'blocksAvailable', 'files', 'filesFree'] as const;

/** `key=value` lines. */
export function encodeStat(stat: FileSystemStat): string {
  return STAT_KEYS.map((key) => `${key}=${stat[key]}\n`).join('');
}

export function decodeStat(body: string): FileSystemStat {
  const read = new Map(body.split('\n').map((line) => line.split('=', 2) as [string, string]));
  const value = (key: (typeof STAT_KEYS)[number]) => Number(read.get(key) ?? 0);
  return {
    blockSize: value('blockSize'),
    blocks: value('blocks'),
    blocksFree: value('blocksFree'),
    blocksAvailable: value('blocksAvailable'),
    files: value('files'),
    filesFree: value('filesFree'),
  };
}
