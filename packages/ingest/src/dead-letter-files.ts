import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A dead letter as it lies in its file. */
export interface StoredLetter {
  /** `<UTC day>:<byte offset in its file>`. */
  readonly id: string;
  readonly time: string;
  readonly topic: string;
  readonly reason: string;
  readonly message: string;
  readonly payload: Buffer;
}

export const LETTER_FILE = /^\d{4}-\d{2}-\d{2}\.jsonl$/;
const ID = /^(\d{4}-\d{2}-\d{2}):(\d{1,12})$/;
const NEWLINE = 10;
/** Payloads are at most 256 KiB, and base64. */
const MAX_LINE_BYTES = 1024 * 1024;

/** All letters in a folder, the newest file first and in each file the newest first. Lines that are damaged are left out. */
export async function* readLetters(folder: string): AsyncGenerator<StoredLetter> {
  const names = (await readdir(folder).catch(emptyIfAbsent)).filter((name) => LETTER_FILE.test(name));
  for (const name of names.sort().reverse()) {
    const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
    for (let end = bytes.length; end > 0; ) {
      const stop = bytes[end - 1] === NEWLINE ? end - 1 : end;
      const start = stop === 0 ? 0 : bytes.lastIndexOf(NEWLINE, stop - 1) + 1;
      const letter = parse(`${name.slice(0, 10)}:${start}`, bytes.toString('utf8', start, stop));
      if (letter !== null) yield letter;
      end = start;
    }
  }
}

/** Null if there is none of this id. */
export async function readLetter(folder: string, id: string): Promise<StoredLetter | null> {
  const [, day, offset] = ID.exec(id) ?? [];
  if (day === undefined) return null;
  const file = await open(join(folder, `${day}.jsonl`)).catch(() => null);
  if (file === null) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_LINE_BYTES), 0, MAX_LINE_BYTES, Number(offset));
    const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
    return end < 0 ? null : parse(id, buffer.toString('utf8', 0, end));
  } finally {
    await file.close();
  }
}

export function isLetterId(id: string): boolean {
  return ID.test(id);
}

function parse(id: string, line: string): StoredLetter | null {
  try {
    const letter = JSON.parse(line) as Readonly<Record<'time' | 'topic' | 'reason' | 'message' | 'payload', unknown>>;
    const { time, topic, reason, message, payload } = letter;
    if (![time, topic, reason, message, payload].every((part) => typeof part === 'string')) return null;
    return {
      id,
      time: String(time),
      topic: String(topic),
      reason: String(reason),
      message: String(message),
      payload: Buffer.from(String(payload), 'base64'),
    };
  } catch {
    return null;
  }
}

function emptyIfAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
