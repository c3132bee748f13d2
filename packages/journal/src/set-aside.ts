import { join } from 'node:path';
import type { FileSystem, OpenFile } from './file-system.ts';
import { copyPart, type Segment } from './segment.ts';

const BAD = /^(\d{16})-\d{12}\.bad$/;

/** The number of the segment that a set-aside file was part of; null if the name is no such file's. */
export function setAsideNumber(name: string): number | null {
  const digits = BAD.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** The `*.bad` files: what followed damage, kept for people to look at until its room is needed. */
export class SetAside {
  bytes = 0;
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #files = new Map<string, number>();

  constructor(fileSystem: FileSystem, folder: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
  }

  /** Counts one that is there. */
  count(name: string, size: number): void {
    this.bytes += size - (this.#files.get(name) ?? 0);
    this.#files.set(name, size);
  }

  /** Copies what follows the segment's end and cuts it off there. Rejects with the system's error. */
  async tail(segment: Segment, file: OpenFile): Promise<void> {
    const name = this.#nameOf(segment);
    await copyPart(this.#fileSystem, file, segment.end, segment.size, join(this.#folder, name));
    this.count(name, segment.size - segment.end);
    await file.truncate(segment.end);
    segment.size = segment.end;
  }

  /** Renames the whole file. Rejects with the system's error. */
  async whole(segment: Segment): Promise<void> {
    const name = this.#nameOf(segment);
    await this.#fileSystem.rename(segment.path, join(this.#folder, name));
    this.count(name, segment.size);
  }

  /** Deletes the oldest; false if there is none, or it cannot be deleted. */
  async dropOldest(): Promise<boolean> {
    const [oldest] = [...this.#files.keys()].sort();
    if (oldest === undefined) return false;
    try {
      await this.#fileSystem.remove(join(this.#folder, oldest));
    } catch {
      return false;
    }
    this.bytes -= this.#files.get(oldest) ?? 0;
    this.#files.delete(oldest);
    return true;
  }

  #nameOf({ number, end }: Segment): string {
    return `${String(number).padStart(16, '0')}-${String(end).padStart(12, '0')}.bad`;
  }
}
