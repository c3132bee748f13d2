import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JournalError, lockFolder } from '@hostwire/journal';
import type { Counters } from '@hostwire/model';
import type { Logger } from '@hostwire/transport';
import { isLetterId, readLetter } from './dead-letter-files.ts';
import type { Ingest } from './ingest.ts';

/** What became of a letter that was handed to ingest again. */
export interface ReplayOutcome {
  readonly id: string;
  readonly time: string;
  /** Null: it is stored. */
  readonly refused: string | null;
}

const REQUESTS = 'replay';
const OUTCOMES = 'replayed.jsonl';
const MAX_OUTCOME_BYTES = 1024 * 1024;
const LOOK_EVERY_MS = 1000;
const REQUEST = /^\d{4}-\d{2}-\d{2}_\d{1,12}$/;

/**
 * Asks the process that takes samples in for this folder's server to take a letter again; it does so within 2 s, or when it
 * is started. Asked twice, it is done once; done twice, the same points are written again, which changes nothing.
 */
export async function requestReplay(folder: string, id: string): Promise<void> {
  const requests = join(folder, REQUESTS);
  await mkdir(requests, { recursive: true, mode: 0o700 });
  await writeFile(join(requests, id.replace(':', '_')), '', { mode: 0o600 });
}

/** Ids that were asked for and not taken yet. */
export async function pendingReplays(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, REQUESTS)).catch(() => []);
  return names.filter((name) => REQUEST.test(name)).map((name) => name.replace('_', ':'));
}

/** The last outcome of each letter that was taken again. */
export async function replayOutcomes(folder: string): Promise<Map<string, ReplayOutcome>> {
  const text = await readFile(join(folder, OUTCOMES), 'utf8').catch(() => '');
  const outcomes = new Map<string, ReplayOutcome>();
  for (const line of text.split('\n')) {
    try {
      const outcome = JSON.parse(line) as ReplayOutcome;
      if (isLetterId(outcome.id)) outcomes.set(outcome.id, outcome);
    } catch {
      // The line that was being written when the process ended.
    }
  }
  return outcomes;
}

export interface ReplayOptions {
  /** That of the dead letters. */
  readonly folder: string;
  readonly ingest: Pick<Ingest, 'replay'>;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now?: () => number;
  readonly everyMs?: number;
}

/** Takes letters again that were asked for. Processes that share the folder do it one at a time. The result ends it. */
export function serveReplays({ everyMs = LOOK_EVERY_MS, ...options }: ReplayOptions): () => Promise<void> {
  const { folder, logger } = options;
  let isStopped = false;
  let looking: Promise<void> | null = null;
  let isFailing = false;
  const look = async (): Promise<void> => {
    try {
      const ids = await pendingReplays(folder);
      if (ids.length > 0) await replayAll(options, ids, () => isStopped);
      isFailing = false;
    } catch (error) {
      if (!isFailing && !isStopped) logger.warn({ err: error }, 'dead letters were not taken again; tried again every second');
      isFailing = true;
    }
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null;
    });
  }, everyMs);
  timer.unref();
  return async () => {
    isStopped = true;
    clearInterval(timer);
    await looking;
  };
}

async function replayAll(options: Omit<ReplayOptions, 'everyMs'>, ids: readonly string[], isStopped: () => boolean): Promise<void> {
  const { folder, ingest, counters, now = Date.now } = options;
  const requests = join(folder, REQUESTS);
  const lock = await lockFolder(requests).catch((error: unknown) => {
    if (error instanceof JournalError && error.code === 'locked') return null;
    throw error;
  });
  if (lock === null) return;
  try {
    for (const id of ids) {
      if (isStopped()) return;
      const letter = await readLetter(folder, id);
      const refused =
        letter === null ? { message: 'there is no such letter any more' } : await ingest.replay({ ...letter, receivedAt: now() });
      counters.add(`ingest_replayed_total{result="${refused === null ? 'stored' : 'refused'}"}`);
      await keepOutcome(folder, { id, time: new Date(now()).toISOString(), refused: refused?.message ?? null });
      await rm(join(requests, id.replace(':', '_')), { force: true });
    }
  } finally {
    await lock.release();
  }
}

async function keepOutcome(folder: string, outcome: ReplayOutcome): Promise<void> {
  const file = join(folder, OUTCOMES);
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MAX_OUTCOME_BYTES) {
    const newest = [...(await replayOutcomes(folder)).values()].slice(-1000);
    await writeFile(`${file}.new`, newest.map((one) => `${JSON.stringify(one)}\n`).join(''), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  await appendFile(file, `${JSON.stringify(outcome)}\n`, { mode: 0o600 });
}
