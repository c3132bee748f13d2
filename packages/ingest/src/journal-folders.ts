import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Journal, JournalError, type JournalOptions, lockFolder, openJournal } from '@hostwire/journal';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/transport';
import { type Ingest, IngestError } from './ingest.ts';

export interface HeldJournal {
  readonly journal: Journal;
  readonly folder: string;
  /** Also gives up the lock. */
  close(): Promise<void>;
}

export interface JournalFoldersOptions {
  /** Holds one folder for each process that has ever run at the same time as others: `1`, `2`, ... */
  readonly root: string;
  readonly journal: Omit<JournalOptions, 'folder'>;
}

const NUMBER = /^[1-9]\d{0,5}$/;
const LOOK_EVERY_MS = 60_000;

/** The first journal that no other process has. Rejects with JournalError if the folders cannot be used. */
export async function openOwnJournal(options: JournalFoldersOptions): Promise<HeldJournal> {
  for (let number = 1; ; number++) {
    const held = await hold(options, String(number));
    if (held !== null) return held;
  }
}

/**
 * Has the journals of processes that are gone written into the store: now and, as a worker may end at any time, every
 * minute. The result ends it; ingest must be closed before, so that a journal that waits for the store is let go.
 */
export function adoptJournals(
  options: JournalFoldersOptions,
  {
    ingest,
    logger,
    counters,
    everyMs = LOOK_EVERY_MS,
  }: { readonly ingest: Pick<Ingest, 'adopt'>; readonly logger: Logger; readonly counters?: Counters; readonly everyMs?: number },
): () => Promise<void> {
  let isStopped = false;
  let looking: Promise<void> | null = null;
  const look = async (): Promise<void> => {
    try {
      for (const name of await numbered(options.root)) {
        if (!isStopped) await adopt(options, name, ingest, logger);
      }
    } catch (error) {
      if (isStopped || error instanceof IngestError) return;
      counters?.add('ingest_adoptions_failed_total');
      logger.warn({ err: error }, 'a journal of another process was not taken over; tried again in a minute');
    }
  };
  const turn = (): void => {
    looking ??= look().finally(() => {
      looking = null;
    });
  };
  turn();
  const timer = setInterval(turn, everyMs);
  timer.unref();
  return async () => {
    isStopped = true;
    clearInterval(timer);
    await looking;
  };
}

async function adopt(options: JournalFoldersOptions, name: string, ingest: Pick<Ingest, 'adopt'>, logger: Logger): Promise<void> {
  const held = await hold(options, name);
  if (held === null) return;
  try {
    const { journal, folder } = held;
    if ((await journal.read(journal.cursor, 1)).length === 0) return;
    logger.info({ folder, ...journal.stats() }, 'taking over the journal of a process that is gone');
    await ingest.adopt(journal);
    await journal.release(journal.end);
  } finally {
    await held.close();
  }
}

/** Null if another process has it. */
async function hold({ root, journal: options }: JournalFoldersOptions, name: string): Promise<HeldJournal | null> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let lock: { release(): Promise<void> };
  try {
    lock = await lockFolder(folder);
  } catch (error) {
    if (error instanceof JournalError && error.code === 'locked') return null;
    throw error;
  }
  try {
    const journal = await openJournal({ ...options, folder });
    return {
      journal,
      folder,
      async close() {
        await journal.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function numbered(root: string): Promise<string[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => NUMBER.test(name)).sort((a, b) => Number(a) - Number(b));
}
