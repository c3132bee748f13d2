import { errorCode, type FileSystem } from './file-system.ts';
import { HEADER_BYTES } from './frame.ts';
import { JournalError, type JournalProblem, type Position } from './journal.ts';
import type { Recovered } from './recover.ts';
import type { Segment } from './segment.ts';
import type { SetAside } from './set-aside.ts';

/** What has been counted since the journal was opened. */
export class Tally {
  ioErrors = 0;
  tornTails = 0;
  badSegments = 0;
  readonly #tell: (problem: JournalProblem) => void;
  #failing = false;

  constructor(tell: (problem: JournalProblem) => void) {
    this.#tell = tell;
  }

  /** Counts the problem and tells of it; of calls that fail one after the other, of the first. */
  report(problem: JournalProblem): void {
    if (problem.code === 'torn-tail') this.tornTails++;
    else if (problem.code === 'bad-segment') this.badSegments++;
    else if (problem.code === 'io') this.ioErrors++;
    if (problem.code === 'io' && this.#failing) return;
    this.#failing = problem.code === 'io';
    this.#tell(problem);
  }

  /** A call that writes came through. */
  works(): void {
    this.#failing = false;
  }
}

/** What the parts of an open journal share. */
export class LogState {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly tally: Tally;
  readonly setAside: SetAside;
  /** Oldest first. Records are appended to the last one, if it is not sealed. */
  readonly segments: Segment[];
  /** Those that have bytes which no fsync covers. */
  readonly dirty = new Set<Segment>();
  /** A name was made in the folder that no fsync covers. */
  folderDirty = false;
  next: number;

  constructor(fileSystem: FileSystem, folder: string, tally: Tally, { segments, setAside, next }: Recovered) {
    this.fileSystem = fileSystem;
    this.folder = folder;
    this.tally = tally;
    this.segments = segments;
    this.setAside = setAside;
    this.next = next;
    // Nobody knows what of an earlier process reached the disk before it ended.
    for (const segment of segments) if (segment.records > 0) this.dirty.add(segment);
    this.folderDirty = segments.length > 0;
  }

  get active(): Segment | undefined {
    const last = this.segments.at(-1);
    return last === undefined || last.sealed ? undefined : last;
  }

  get bytes(): number {
    let bytes = this.setAside.bytes;
    for (const { size } of this.segments) bytes += size;
    return bytes;
  }

  get end(): Position {
    const { active } = this;
    return active === undefined
      ? { segment: this.next, offset: HEADER_BYTES }
      : { segment: active.number, offset: Math.max(active.end, HEADER_BYTES) };
  }

  get first(): Position {
    const oldest = this.segments.find(({ records }) => records > 0);
    return oldest === undefined ? this.end : { segment: oldest.number, offset: HEADER_BYTES };
  }

  /** Counts and reports a call that failed, and words it for the caller. */
  failure(what: string, path: string, cause: unknown): JournalError {
    const code = errorCode(cause);
    const hint = code === 'ENOSPC' || code === 'EDQUOT' ? 'free some space' : 'see whether the disk is sound and may be written to';
    const message = `cannot ${what} ${path} (${code ?? String(cause)}): ${hint}`;
    this.tally.report({ code: 'io', message });
    return new JournalError('io', message, { cause });
  }

  /** Closes the file of a sealed segment once nothing of it waits for the disk. */
  async letGo(segment: Segment): Promise<void> {
    const { file } = segment;
    if (file === null || this.dirty.has(segment)) return;
    segment.file = null;
    await file.close().catch(() => undefined);
  }
}
