import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RotatingFile } from '@hostwire/host-access';
import type { ActionArgs, ActionProblem } from '@hostwire/model';
import type { Logger } from '@hostwire/service';

/** One line of `audit.jsonl`. */
export interface ActionRecord {
  /** The agent's clock, ms since the epoch. */
  readonly time: number;
  readonly host: string;
  /** Null: it could not be read. */
  readonly id: string | null;
  readonly action: string | null;
  readonly args: ActionArgs | null;
  /** accepted: it begins now, and another line says what became of it. */
  readonly result: 'accepted' | 'done' | 'refused' | 'failed';
  readonly code?: ActionProblem;
  readonly reason?: string;
  /** Refused before this one and left out, because nobody knows who sent them and they were too many. */
  readonly left_out?: number;
}

const NAME = 'audit.jsonl';
const MAX_BYTES = 1024 * 1024;
const KEPT_FILES = 2;

/** What was asked of this agent and what it did, on disk (0600) and in its log. Never throws, and nobody waits for the disk. */
export class ActionLog {
  readonly #logger: Logger;
  readonly #folder: string | null;
  #file: RotatingFile | null = null;
  #writing: Promise<void> = Promise.resolve();
  #failing = false;

  /** `folder` null: only the log. */
  constructor(folder: string | null, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  add(record: ActionRecord): void {
    const { id, action, args, result, code, reason } = record;
    const level = result === 'refused' || result === 'failed' ? 'warn' : 'info';
    this.#logger[level](
      { id, action, args, code },
      `an action was ${result}: ${action ?? 'unreadable'}${reason === undefined ? '' : `: ${reason}`}`,
    );
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    this.#writing = this.#writing.then(() => this.#write(line));
  }

  /** Resolves when all is written or given up. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close().catch(() => undefined);
  }

  async #write(line: Buffer): Promise<void> {
    if (this.#folder === null) return;
    try {
      if (this.#file === null) {
        await mkdir(this.#folder, { recursive: true, mode: 0o700 });
        const file = new RotatingFile(join(this.#folder, NAME), MAX_BYTES, KEPT_FILES);
        await file.open();
        this.#file = file;
      }
      await this.#file.write([line]);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#logger.warn({ err: error }, `${NAME} cannot be written: what is asked of this agent stands only in its log`);
      this.#failing = true;
      await this.#file?.close().catch(() => undefined);
      this.#file = null;
    }
  }
}
