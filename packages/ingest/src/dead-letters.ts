import { appendFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/transport';
import { LETTER_FILE } from './dead-letter-files.ts';

export interface DeadLetter {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly message: string;
}

export interface DeadLettersOptions {
  /** Made with mode 0700; holds one file `YYYY-MM-DD.jsonl` (UTC) a day, mode 0600. */
  readonly folder: string;
  /** All files together; default 64 MiB. The oldest go first, and when there is only today's, what does not fit. */
  readonly maxBytes?: number;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now?: () => number;
}

const NEWLINE = 10;
const SCAN_INTERVAL_MS = 60_000;
const MAX_PENDING_BYTES = 8 * 1024 * 1024;

/**
 * Messages that cannot be stored, kept for people to look at: JSON lines with `time`, `topic`, `reason`, `message` and
 * `payload` in base64.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #maxBytes: number;
  readonly #now: () => number;
  #sizes: Map<string, number> | null = null;
  #scannedAt = 0;
  /** Today's file ends in a line that a process was killed in. */
  #isTorn = false;
  #pending: string[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  /** What `#pending` waits for. */
  #next: Promise<void> | null = null;
  #failing = false;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
    this.#now = options.now ?? Date.now;
  }

  /** Resolves when the letter is in the file, or was dropped and counted. Never rejects: a full disk stops nobody. */
  add({ topic, payload, reason, message }: DeadLetter): Promise<void> {
    const time = new Date(this.#now()).toISOString();
    const line = `${JSON.stringify({ time, topic, reason, message, payload: Buffer.from(payload).toString('base64') })}\n`;
    if (this.#pendingBytes + line.length > MAX_PENDING_BYTES) {
      this.#drop(1);
      return Promise.resolve();
    }
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (this.#next === null) {
      // A turn later, so that what arrives together is one write.
      this.#next = this.#writing.then(() => this.#write());
      this.#writing = this.#next;
    }
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#next = null;
    try {
      if (await this.#append(lines.join(''))) this.#options.counters.add('ingest_dead_letters_total', lines.length);
      else this.#drop(lines.length);
      this.#failing = false;
    } catch (error) {
      this.#drop(lines.length);
      if (!this.#failing)
        this.#options.logger.error({ err: error, folder: this.#options.folder }, 'cannot write dead letters; they are dropped');
      this.#failing = true;
    }
  }

  /** False if there is no room. */
  async #append(text: string): Promise<boolean> {
    const name = `${new Date(this.#now()).toISOString().slice(0, 10)}.jsonl`;
    const sizes = await this.#scan(name);
    const whole = this.#isTorn ? `\n${text}` : text;
    const bytes = Buffer.byteLength(whole);
    let total = bytes;
    for (const size of sizes.values()) total += size;
    for (const oldest of [...sizes.keys()].sort()) {
      if (total <= this.#maxBytes || oldest >= name) break;
      total -= sizes.get(oldest) ?? 0;
      await rm(join(this.#options.folder, oldest), { force: true });
      sizes.delete(oldest);
    }
    if (total > this.#maxBytes) return false;
    await appendFile(join(this.#options.folder, name), whole, { mode: 0o600 });
    this.#isTorn = false;
    sizes.set(name, (sizes.get(name) ?? 0) + bytes);
    return true;
  }

  /** Sizes of all files; looked at again now and then, as other processes may write into the same ones. */
  async #scan(today: string): Promise<Map<string, number>> {
    if (this.#sizes !== null && Math.abs(performance.now() - this.#scannedAt) < SCAN_INTERVAL_MS) return this.#sizes;
    const isFirst = this.#sizes === null;
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const names = (await readdir(folder)).filter((name) => LETTER_FILE.test(name));
    const sizes = new Map(await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const)));
    if (isFirst) this.#isTorn = await endsInsideLine(join(folder, today), sizes.get(today) ?? 0);
    this.#sizes = sizes;
    this.#scannedAt = performance.now();
    return sizes;
  }

  #drop(count: number): void {
    this.#options.counters.add('ingest_dead_letters_dropped_total', count);
  }
}

async function endsInsideLine(file: string, size: number): Promise<boolean> {
  if (size === 0) return false;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] !== NEWLINE;
  } finally {
    await handle.close();
  }
}
