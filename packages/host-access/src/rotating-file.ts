import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';

const FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * An append-only file that is bounded: when an entry would take it beyond `maxBytes` it becomes `<path>.1`, what was `.1`
 * becomes `.2`, up to `keep`. Entries are never divided. Not for concurrent use.
 */
export class RotatingFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  #handle: FileHandle | null = null;
  #size = 0;

  constructor(path: string, maxBytes: number, keep: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
  }

  /** Opens the file with mode 0600. Throws if it cannot, or if it is a link or anything but a plain file of our own. */
  async open(): Promise<void> {
    const handle = await open(this.#path, FLAGS, 0o600);
    try {
      const stat = await handle.stat();
      if (!stat.isFile() || stat.nlink > 1) throw new Error(`${this.#path} is not a plain file; remove it`);
      // Whoever made it before us could read it.
      if (stat.uid !== process.geteuid?.()) throw new Error(`${this.#path} belongs to another user; remove it`);
      if ((stat.mode & 0o777) !== 0o600) await handle.chmod(0o600);
      this.#size = stat.size;
      // What a killed process left may end in the middle of a line, and a header begins one.
      if (stat.size > 0) await this.#append(handle, Buffer.from('\n'));
    } catch (error) {
      await handle.close();
      throw error;
    }
    this.#handle = handle;
  }

  /** Throws what the file system says (ENOSPC, EIO), or if the file was not opened. */
  async write(entries: readonly Buffer[]): Promise<void> {
    let from = 0;
    while (from < entries.length) {
      let to = from;
      let bytes = 0;
      for (let entry = entries[to]; entry !== undefined; entry = entries[++to]) {
        if (this.#size + bytes > 0 && this.#size + bytes + entry.length > this.#maxBytes) break;
        bytes += entry.length;
      }
      if (to === from) {
        await this.#rotate();
        continue;
      }
      if (this.#handle === null) throw new Error(`${this.#path} is not open`);
      await this.#append(this.#handle, Buffer.concat(entries.slice(from, to)));
      from = to;
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }

  async #append(handle: FileHandle, bytes: Buffer): Promise<void> {
    // appendFile writes until all is written; a bare write may stop short.
    await handle.appendFile(bytes);
    this.#size += bytes.length;
  }

  async #rotate(): Promise<void> {
    await this.close();
    for (let n = this.#keep; n > 0; n--) {
      const older = n === 1 ? this.#path : `${this.#path}.${n - 1}`;
      await rename(older, `${this.#path}.${n}`).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    this.#size = 0;
    await this.open();
  }
}
