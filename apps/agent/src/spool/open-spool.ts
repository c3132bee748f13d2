import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { type FileSystem, type Journal, JournalError, lockFolder, openJournal } from '@hostwire/journal';
import type { Logger } from '@hostwire/service';
import type { SeqRanges } from '../outbox.ts';
import type { TickClock } from '../tick-clock.ts';
import { GapLedger } from './gap-ledger.ts';
import { type Restored, restore } from './restore.ts';
import { type SampleIndex, toRanges } from './sample-index.ts';
import { Spool, type SpoolTiming } from './spool.ts';
import { within } from './spool-disk.ts';

export interface OpenSpoolOptions {
  /** Absolute; null: memory only. */
  readonly folder: string | null;
  readonly clock: TickClock;
  readonly logger: Logger;
  /** Default 256 MiB. */
  readonly maxBytes?: number;
  /** Default 72 hours. */
  readonly maxAgeMs?: number;
  /** Default the smaller of 1 GiB and 10 % of the file system. */
  readonly minFreeBytes?: number;
  /** What memory takes while the disk refuses; default 16 MiB and 10,000 samples, without a disk 64 MiB. */
  readonly ringBytes?: number;
  readonly ringSamples?: number;
  readonly timing?: SpoolTiming;
  /** For tests: one that fails. */
  readonly fileSystem?: FileSystem;
  /** Names this boot of the machine; default the kernel's. */
  readonly boot?: string;
}

/** Samples of one run. */
export interface HeldRun {
  readonly run: string;
  readonly seqs: SeqRanges;
}

export interface OpenedSpool {
  readonly spool: Spool;
  /** What earlier runs left, oldest first. */
  readonly held: readonly HeldRun[];
  /** Writes what it can, and leaves the folder to others. Never rejects. */
  close(): Promise<void>;
}

export const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;
export const DEFAULT_MAX_AGE_HOURS = 72;
const MIB = 1024 * 1024;
const MAX_SEGMENT_BYTES = 2 * MIB;
const MIN_SEGMENT_BYTES = 64 * 1024;
const SEGMENTS = 16;
/** A backlog of 256 MiB is read within it from all but the slowest card. */
const OPEN_MS = 60_000;

/**
 * Opens the spool and reads what earlier runs left in it. Rejects only with JournalError `locked`, if another agent uses the
 * folder: a folder that cannot be used for any other reason is logged, and memory stands in for this run.
 */
export async function openSpool(options: OpenSpoolOptions): Promise<OpenedSpool> {
  const { folder, clock, logger, timing, maxBytes = DEFAULT_MAX_BYTES } = options;
  const opened = folder === null ? null : await openInTime(folder, options);
  const spool = new Spool({
    journal: opened?.journal ?? null,
    ...(opened === null ? {} : { restored: opened.restored, ledger: opened.ledger }),
    boot: options.boot ?? bootId(),
    clock,
    logger,
    maxBytes,
    segmentBytes: opened?.segmentBytes ?? MAX_SEGMENT_BYTES,
    maxAgeMs: options.maxAgeMs ?? DEFAULT_MAX_AGE_HOURS * 3_600_000,
    ring: { bytes: options.ringBytes ?? (opened === null ? 64 : 16) * MIB, samples: options.ringSamples ?? 10_000 },
    ...(timing === undefined ? {} : { timing }),
  });
  return {
    spool,
    held: opened === null ? [] : heldRuns(opened.restored.index),
    async close() {
      await spool.close();
      await opened?.release();
    },
  };
}

interface OpenedFolder {
  readonly journal: Journal;
  readonly ledger: GapLedger;
  readonly restored: Restored;
  readonly segmentBytes: number;
  readonly release: () => Promise<void>;
}

/** A disk that hangs does not keep the agent from starting. */
async function openInTime(folder: string, options: OpenSpoolOptions): Promise<OpenedFolder | null> {
  const opening = openFolder(folder, options);
  const inTime = await within(options.timing?.openMs ?? OPEN_MS, opening);
  if (inTime) return opening;
  options.logger.error(
    { folder },
    `the spool's disk does not answer: until the next start samples are kept in memory alone, and lost with it`,
  );
  const giveBack = async (): Promise<void> => {
    const late = await opening;
    await late?.journal.close();
    await late?.release();
  };
  giveBack().catch((error: unknown) => options.logger.warn({ err: error }, 'the spool was opened too late, and not closed as it should'));
  return null;
}

async function openFolder(folder: string, options: OpenSpoolOptions): Promise<OpenedFolder | null> {
  const { logger, maxBytes = DEFAULT_MAX_BYTES, minFreeBytes, fileSystem } = options;
  let release: () => Promise<void> = () => Promise.resolve();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(folder);
    release = () => lock.release().catch(() => undefined);
    const segmentBytes = await segmentSize(folder, maxBytes);
    const ledger = new GapLedger();
    let damaged = false;
    let open = false;
    const journal = await openJournal({
      folder,
      maxBytes,
      segmentBytes,
      ...(minFreeBytes === undefined ? {} : { minFreeBytes }),
      ...(fileSystem === undefined ? {} : { fileSystem }),
      report: ({ code, message }) => {
        damaged ||= code === 'bad-segment';
        // Later the spool says itself, once, that calls fail.
        logger[open && code === 'io' ? 'debug' : 'warn']({ code }, `the spool: ${message}`);
      },
    });
    open = true;
    const restored = await restore(journal, ledger, { damaged, logger });
    return { journal, ledger, restored, segmentBytes, release };
  } catch (error) {
    await release();
    if (error instanceof JournalError && error.code === 'locked') throw error;
    logger.error(
      { err: error, folder },
      `the spool's folder ${folder} cannot be used: until the next start samples are kept in memory alone, and lost with it`,
    );
    return null;
  }
}

/** Small where little room is: a segment is what goes at once when that is used up. */
async function segmentSize(folder: string, maxBytes: number): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  const room = Math.min(maxBytes, bavail * bsize);
  return Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, Math.floor(room / SEGMENTS)));
}

function heldRuns(index: SampleIndex): HeldRun[] {
  return index.runs().map((run) => ({
    run,
    seqs: toRanges(index.named(run, [[0, Number.MAX_SAFE_INTEGER]]).map(({ seq }) => seq)),
  }));
}

/** Names this boot of the machine, and is the same for all its processes (random(4)); where there is none, of this process alone. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
