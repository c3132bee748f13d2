import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DumpEntry, encodeEntry } from './dump-entry.ts';
import { RotatingFile } from './rotating-file.ts';

export interface DiagnosticDumpOptions {
  /** Called at most once, with the sentence that says why nothing is written any more. */
  readonly warn: (message: string) => void;
  /** Most bytes of each log before it is rotated; default 16 MiB. */
  readonly maxBytes?: number;
  /** Rotated files kept beside each log; default 2. */
  readonly keep?: number;
  /** Most bytes that wait to be written; default 8 MiB. What comes beyond is dropped and counted. */
  readonly queueBytes?: number;
}

interface Log {
  readonly file: RotatingFile;
  /** An entry that says how many were dropped, in the form of this log. */
  readonly note: (time: number, dropped: number) => string;
  queue: Buffer[];
  dropped: number;
}

/**
 * What a host was asked and what was sent, on disk: `commands.log` and `samples.log` in a folder, files 0600 in a folder
 * that is made with 0700. Opt-in, off the collecting path: nothing here throws or makes a caller wait, and if the folder
 * cannot be made or written to, the dump is off with one warning and nothing else is disturbed.
 */
export class DiagnosticDump {
  readonly #directory: string;
  readonly #warn: (message: string) => void;
  readonly #queueBytes: number;
  readonly #commands: Log;
  readonly #payloads: Log;
  #waiting = 0;
  #droppedInAll = 0;
  #off = false;
  #ready = false;
  #writing: Promise<void>;

  constructor(directory: string, { warn, maxBytes = 16 * 1024 * 1024, keep = 2, queueBytes = 8 * 1024 * 1024 }: DiagnosticDumpOptions) {
    this.#directory = directory;
    this.#warn = warn;
    this.#queueBytes = queueBytes;
    const log = (name: string, note: Log['note']): Log => ({
      file: new RotatingFile(join(directory, name), maxBytes, keep),
      note,
      queue: [],
      dropped: 0,
    });
    this.#commands = log('commands.log', (time, dropped) => `${header(time)}# ${dropped} entries were dropped: the disk is too slow\n\n`);
    this.#payloads = log('samples.log', (time, dropped) => `${header(time, 'note')}{\n  "dropped": ${dropped}\n}\n\n`);
    this.#writing = this.#open();
  }

  /** False once the dump has been switched off by a failure or closed. */
  get active(): boolean {
    return !this.#off;
  }

  /** Entries that were not written because the queue was full. */
  get dropped(): number {
    return this.#droppedInAll;
  }

  /** An ask and its answer, into commands.log. */
  command(entry: DumpEntry): void {
    if (!this.#off) this.#push(this.#commands, encodeEntry(entry));
  }

  /** An outgoing payload, into samples.log: `kind` is a sample's tier or another word; JSON text is written pretty. */
  payload(kind: string, text: string, time: number = Date.now()): void {
    if (!this.#off) this.#push(this.#payloads, Buffer.from(`${header(time, kind.replace(/[^\w./-]+/g, '-'))}${pretty(text)}\n\n`));
  }

  /** Resolves when all that was given so far is written or given up. */
  async flush(): Promise<void> {
    await this.#writing;
    if (!this.#off && this.#waiting > 0) await this.flush();
  }

  /** Writes what waits, then closes the files. */
  async close(): Promise<void> {
    await this.flush();
    this.#off = true;
    await Promise.allSettled([this.#commands.file.close(), this.#payloads.file.close()]);
  }

  #push(log: Log, bytes: Buffer): void {
    if (this.#waiting + bytes.length > this.#queueBytes) {
      log.dropped += 1;
      this.#droppedInAll += 1;
      return;
    }
    log.queue.push(bytes);
    this.#waiting += bytes.length;
    if (this.#ready) {
      this.#ready = false;
      this.#writing = this.#drain();
    }
  }

  async #open(): Promise<void> {
    try {
      await makeFolder(this.#directory);
      await this.#commands.file.open();
      await this.#payloads.file.open();
    } catch (error) {
      await this.#switchOff(`cannot be used (${text(error)}); set [debug] dump_dir to a folder that the agent may write to`);
      return;
    }
    await this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting > 0 || this.#commands.dropped > 0 || this.#payloads.dropped > 0) {
        await this.#write(this.#commands);
        await this.#write(this.#payloads);
      }
    } catch (error) {
      await this.#switchOff(`could not be written (${text(error)})`);
      return;
    }
    this.#ready = true;
  }

  async #write(log: Log): Promise<void> {
    const entries = log.queue;
    log.queue = [];
    if (log.dropped > 0) {
      entries.push(Buffer.from(log.note(Date.now(), log.dropped)));
      this.#waiting += entries.at(-1)?.length ?? 0;
      log.dropped = 0;
    }
    await log.file.write(entries);
    for (const entry of entries) this.#waiting -= entry.length;
  }

  async #switchOff(why: string): Promise<void> {
    this.#off = true;
    this.#waiting = 0;
    this.#commands.queue = [];
    this.#payloads.queue = [];
    this.#warn(`the diagnostic dump is off: ${this.#directory} ${why}`);
    await Promise.allSettled([this.#commands.file.close(), this.#payloads.file.close()]);
  }
}

/** With all folders above it. Not by mkdir's `recursive`: below /proc, where mkdir(2) says ENOENT, Node tries for ever. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

function header(time: number, kind?: string): string {
  return `===== ${new Date(time).toISOString()}${kind === undefined ? '' : `  kind=${kind}`} =====\n`;
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
