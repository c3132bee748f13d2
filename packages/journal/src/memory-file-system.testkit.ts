import type { FileSystem, OpenFile } from './file-system.ts';

export type Call = Exclude<keyof FileSystem | keyof OpenFile, 'close'>;

export interface Fault {
  /** ENOSPC, EIO, ... */
  readonly code: string;
  /** Of a write: so many bytes are written before it fails. */
  readonly partial?: number;
  /** Of a write: it says how many it wrote, and only the next call for the rest fails, as a disk does that runs full. */
  readonly short?: boolean;
}

interface Inode {
  bytes: Buffer;
  /** What the last fsync covered. */
  durable: Buffer;
}

/** One folder in memory: calls fail where a test says so, and the power can fail. */
export class MemoryFileSystem implements FileSystem {
  /** Asked before each call. */
  fault: (call: Call, path: string) => Fault | null = () => null;
  /** How long a call takes, in turns of the event loop: what is under way at once is then up to the test. */
  turns: (call: Call) => number = () => 0;
  free = Number.MAX_SAFE_INTEGER;
  total = Number.MAX_SAFE_INTEGER;
  readonly counts: Partial<Record<Call, number>> = {};
  #files = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();

  /** All files, by path. */
  get content(): Map<string, Buffer> {
    return new Map([...this.#files].map(([path, { bytes }]) => [path, bytes]));
  }

  set content(files: ReadonlyMap<string, Buffer>) {
    this.#files = new Map([...files].map(([path, bytes]) => [path, { bytes, durable: bytes }]));
    this.#durableNames = new Map(this.#files);
  }

  /**
   * Names that no fsync of the folder covers go. Of the bytes that no fsync covers each file keeps as many as `keep` says, and
   * where `hole` says so zeros in place of the first of them: pages reach the disk in any order.
   */
  powerFailure(keep: () => number, hole: () => boolean): void {
    const after = new Map<string, Buffer>();
    for (const [path, { bytes, durable }] of this.#durableNames) {
      const rest = bytes.subarray(durable.length, durable.length + keep());
      const holed = hole() ? Buffer.concat([Buffer.alloc(Math.min(40, rest.length)), rest.subarray(40)]) : rest;
      after.set(path, Buffer.concat([durable, holed]));
    }
    this.content = after;
  }

  async makeFolder(path: string): Promise<void> {
    await this.#ask('makeFolder', path);
  }

  async list(folder: string): Promise<string[]> {
    await this.#ask('list', folder);
    return [...this.#files.keys()].map((path) => path.slice(folder.length + 1));
  }

  async size(path: string): Promise<number> {
    await this.#ask('size', path);
    return this.#at(path).bytes.length;
  }

  async open(path: string, how: 'create' | 'read' | 'write'): Promise<OpenFile> {
    await this.#ask('open', path);
    if (how === 'create') {
      if (this.#files.has(path)) throw failure('EEXIST');
      this.#files.set(path, { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) });
    }
    return this.#handle(this.#at(path), path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#ask('rename', from);
    this.#files.set(to, this.#at(from));
    this.#files.delete(from);
  }

  async remove(path: string): Promise<void> {
    await this.#ask('remove', path);
    this.#files.delete(path);
  }

  async syncFolder(path: string): Promise<void> {
    await this.#ask('syncFolder', path);
    this.#durableNames = new Map(this.#files);
  }

  async space(path: string): Promise<{ free: number; total: number }> {
    await this.#ask('space', path);
    return { free: this.free, total: this.total };
  }

  #at(path: string): Inode {
    const inode = this.#files.get(path);
    if (inode === undefined) throw failure('ENOENT');
    return inode;
  }

  #handle(inode: Inode, path: string): OpenFile {
    let failsNext: string | null = null;
    return {
      read: async (into, position) => {
        await this.#ask('read', path);
        return position < inode.bytes.length ? inode.bytes.copy(into, 0, position) : 0;
      },
      write: async (bytes, position) => {
        await this.#pass('write');
        if (failsNext !== null) {
          const code = failsNext;
          failsNext = null;
          throw failure(code);
        }
        const fault = this.fault('write', path);
        const some = fault === null ? bytes : bytes.subarray(0, Math.min(fault.partial ?? 0, bytes.length - 1));
        const after = Buffer.alloc(Math.max(inode.bytes.length, position + some.length));
        inode.bytes.copy(after);
        after.set(some, position);
        if (some.length > 0) inode.bytes = after;
        if (fault === null) return bytes.length;
        if (fault.short !== true || some.length === 0) throw failure(fault.code);
        failsNext = fault.code;
        return some.length;
      },
      truncate: async (length) => {
        await this.#ask('truncate', path);
        inode.bytes = inode.bytes.subarray(0, length);
        inode.durable = inode.durable.subarray(0, length);
      },
      sync: async () => {
        const { bytes } = inode;
        await this.#ask('sync', path);
        inode.durable = bytes;
      },
      close: async () => undefined,
    };
  }

  async #ask(call: Call, path: string): Promise<void> {
    await this.#pass(call);
    const fault = this.fault(call, path);
    if (fault !== null) throw failure(fault.code);
  }

  async #pass(call: Call): Promise<void> {
    this.counts[call] = (this.counts[call] ?? 0) + 1;
    await Promise.resolve();
    for (let turn = this.turns(call); turn > 0; turn--) await new Promise((next) => setImmediate(next));
  }
}

const failure = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });
