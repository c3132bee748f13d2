import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';

/** An open file. Every call rejects with the system's error (`code` ENOSPC, EIO, ...). */
export interface OpenFile {
  /** Bytes read into the buffer from a place in the file; fewer at its end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Bytes written, perhaps fewer than given. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  /** What was written is on disk when it resolves. */
  sync(): Promise<void>;
  /** Waits for calls that are under way. */
  close(): Promise<void>;
}

/** All that the journal asks of an operating system; tests put one in between that fails. */
export interface FileSystem {
  makeFolder(path: string): Promise<void>;
  list(folder: string): Promise<string[]>;
  /** Bytes of a file. */
  size(path: string): Promise<number>;
  /** `create` rejects with EEXIST if it is there already. */
  open(path: string, how: 'create' | 'read' | 'write'): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Does nothing if it is gone already. */
  remove(path: string): Promise<void>;
  /** Makes names that were made in the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Bytes: what a process without privileges may still use, and the whole file system. */
  space(path: string): Promise<{ readonly free: number; readonly total: number }>;
}

const FLAGS = { create: 'wx+', read: 'r', write: 'r+' } as const;

export const nodeFileSystem: FileSystem = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  list: (folder) => readdir(folder),
  async size(path) {
    return (await stat(path)).size;
  },
  async open(path, how) {
    return openFile(await open(path, FLAGS[how], 0o600));
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free: bavail * bsize, total: blocks * bsize };
  },
};

function openFile(handle: FileHandle): OpenFile {
  return {
    async read(into, position) {
      return (await handle.read(into, 0, into.length, position)).bytesRead;
    },
    async write(bytes, position) {
      return (await handle.write(bytes, 0, bytes.length, position)).bytesWritten;
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/** Writes all of it, however many calls that takes. */
export async function writeAll(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written <= 0) throw new Error('the operating system wrote nothing and named no error');
    done += written;
  }
}

/** Reads until the buffer is full or the file ends; says how much that was. */
export async function readAll(file: OpenFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const read = await file.read(done === 0 ? into : into.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** ENOENT and the like; undefined if the error names none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
