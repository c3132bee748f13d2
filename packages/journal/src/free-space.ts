import type { FileSystem } from './file-system.ts';

/** The free space is asked for again after so long, or when the journal wrote so much since. */
const FRESH_MS = 1000;
const FRESH_BYTES = 16 * 1024 * 1024;
const GIB = 1024 ** 3;

/** Says whether the file system has room left beside what is to stay free. */
export class FreeSpace {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #minFree: number | undefined;
  #free = 0;
  #minimum = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #written = 0;

  constructor(fileSystem: FileSystem, folder: string, minFree: number | undefined) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#minFree = minFree;
  }

  /** Null if so many bytes more leave enough free; otherwise a sentence. A disk that does not say is taken to have room: the write will tell. */
  async refusal(bytes: number): Promise<string | null> {
    if (performance.now() - this.#askedAt >= FRESH_MS || this.#written >= FRESH_BYTES) await this.#ask();
    if (this.#free - this.#written - bytes >= this.#minimum) return null;
    return `the file system of ${this.#folder} has ${this.#free - this.#written} bytes free, and ${this.#minimum} are to stay so: free some`;
  }

  wrote(bytes: number): void {
    this.#written += bytes;
  }

  /** Something was deleted: what is known is too little. */
  forget(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  async #ask(): Promise<void> {
    try {
      const { free, total } = await this.#fileSystem.space(this.#folder);
      this.#free = free;
      this.#minimum = this.#minFree ?? Math.min(GIB, Math.floor(total / 10));
    } catch {
      this.#free = Number.POSITIVE_INFINITY;
    }
    this.#written = 0;
    this.#askedAt = performance.now();
  }
}
