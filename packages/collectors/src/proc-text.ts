import { AccessError, type AccessOptions, type HostAccess } from '@hostwire/host-access';
import type { Capability } from '@hostwire/model';

/** The text is not what it is documented to be. The one thing that a parser throws. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  readonly code = 'parse';
}

/** InfluxDB's integers are signed; the kernel's counters are not. Telegraf clips here too. */
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * An unsigned decimal integer: a number up to 2^53-1, a bigint beyond, clipped at 2^63-1.
 * Throws ParseError, naming `what`, on anything else.
 */
export function parseCounter(text: string | undefined, what: string): number | bigint {
  if (text === undefined || !/^[0-9]{1,32}$/.test(text)) throw new ParseError(`${what}: ${quote(text)} is not a whole number`);
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(text);
  return exact > MAX_INT64 ? MAX_INT64 : exact;
}

/** An unsigned decimal integer as a number; what is beyond 2^53-1 loses precision. Throws ParseError. */
export function parseCount(text: string | undefined, what: string): number {
  return Number(parseCounter(text, what));
}

/** A decimal number such as `0.21` or `-40`. Throws ParseError. */
export function parseDecimal(text: string | undefined, what: string): number {
  if (text === undefined || !/^-?[0-9]{1,32}(\.[0-9]{1,32})?$/.test(text)) throw new ParseError(`${what}: ${quote(text)} is not a number`);
  return Number(text);
}

/** `value * factor`, exact: a bigint where the product is beyond 2^53-1, clipped at 2^63-1. */
export function scaleCounter(value: number | bigint, factor: number): number | bigint {
  const number = Number(value) * factor;
  if (Number.isSafeInteger(number)) return number;
  const exact = BigInt(value) * BigInt(factor);
  return exact > MAX_INT64 ? MAX_INT64 : exact;
}

/** Non-empty lines. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** The words of a line, divided by blanks. */
export function wordsOf(line: string): string[] {
  return line.trim().split(/\s+/);
}

/** Text of the host, cut so that it can stand in an error message. */
export function quote(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 40));
}

/** The text of the first of these files that is there and may be read. Throws the last file's AccessError if none is. */
export async function readFirst(access: HostAccess, paths: readonly [string, ...string[]], options: AccessOptions): Promise<string> {
  let failure: unknown;
  for (const path of paths) {
    try {
      return await access.readFile(path, options);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** True for "no such file" and "not allowed to see it", which a collector may answer with another source. */
export function isAbsent(error: unknown): boolean {
  return error instanceof AccessError && ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'not-recorded'].includes(error.code);
}

/** Names in a folder; none where `isAbsent`. Throws any other AccessError. */
export async function readDirOrNone(access: HostAccess, path: string, options: AccessOptions): Promise<string[]> {
  try {
    return await access.readDir(path, options);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Available if one of the files can be read. */
export async function probeFile(access: HostAccess, paths: readonly [string, ...string[]], hint?: string): Promise<Capability> {
  try {
    await readFirst(access, paths, {});
    return { available: true };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return { available: false, reason: `${paths[0]} cannot be read (${error.code})`, ...(hint === undefined ? {} : { hint }) };
  }
}

/**
 * Bytes of a memory page: 4096 on x86, also 16384 (Raspberry Pi 5) and 65536 (some arm64 kernels). The kernel tells it in
 * no file of its own, but the size of one process stands in /proc/self/stat in bytes (field 23, proc(5)) and in
 * /proc/self/statm in pages. 4096 where these cannot be read (a recorded tree).
 */
export async function readPageSize(access: HostAccess, options: AccessOptions): Promise<number> {
  const [stat, statm] = await access.readFiles(['/proc/self/stat', '/proc/self/statm'], options);
  if (typeof stat !== 'string' || typeof statm !== 'string') return 4096;
  const bytes = Number(wordsOf(stat.slice(stat.lastIndexOf(')') + 1))[20]);
  const pages = Number(wordsOf(statm)[0]);
  // The process may grow between the two readings: the nearest power of two is not moved by that.
  const size = 2 ** Math.round(Math.log2(bytes / pages));
  return size >= 4096 && size <= 1024 * 1024 ? size : 4096;
}
