import { join } from 'node:path';
import { type FileSystem, type Journal, type JournalOptions, nodeFileSystem, openJournal } from '@hostwire/journal';
import { tempDir } from '@hostwire/testkit';
import { onTestFinished } from 'vitest';

/** A disk whose calls can be made to fail. */
export class FailingDisk {
  /** Thrown by every fsync while it is set. */
  sync: Error | null = null;
  write: Error | null = null;
  syncs = 0;

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: async (path, how) => {
      const file = await nodeFileSystem.open(path, how);
      return {
        read: (into, position) => file.read(into, position),
        write: async (bytes, position) => {
          if (this.write !== null) throw this.write;
          return file.write(bytes, position);
        },
        truncate: (length) => file.truncate(length),
        sync: async () => {
          this.syncs++;
          if (this.sync !== null) throw this.sync;
          await file.sync();
        },
        close: () => file.close(),
      };
    },
  };
}

export const systemError = (code: string): Error => Object.assign(new Error(`${code}: of a test`), { code, errno: -1, syscall: 'fsync' });

/** A journal in a folder of its own, closed when the test ends. */
export async function testJournal(options: Partial<JournalOptions> = {}): Promise<Journal> {
  const journal = await openJournal({ folder: join(tempDir(), 'journal'), maxBytes: 64 * 1024 * 1024, minFreeBytes: 0, ...options });
  onTestFinished(() => journal.close());
  return journal;
}
