import { join } from 'node:path';
import { readCursor } from './cursor-file.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { HEADER_BYTES } from './frame.ts';
import type { JournalProblem, Position } from './journal.ts';
import { hasFrameFrom, type Scan, type Segment, scan, segmentNumber, segmentPath } from './segment.ts';
import { SetAside, setAsideNumber } from './set-aside.ts';

/** What a folder had in it. */
export interface Recovered {
  /** Oldest first; the newest may be without records, and is then kept for its number. */
  readonly segments: Segment[];
  readonly setAside: SetAside;
  readonly cursor: Position | null;
  /** The number of the next segment: no position that anything on disk may name comes again, were its record lost with the power. */
  readonly next: number;
}

/** Makes sense of whatever the folder holds, and reports what was wrong with it. Rejects only if the folder cannot be made or listed. */
export async function recover(fileSystem: FileSystem, folder: string, report: (problem: JournalProblem) => void): Promise<Recovered> {
  await fileSystem.makeFolder(folder);
  const names = await fileSystem.list(folder);
  const setAside = new SetAside(fileSystem, folder);
  const numbers: number[] = [];
  let newest = 0;
  for (const name of names) {
    const number = segmentNumber(name);
    newest = Math.max(newest, number ?? setAsideNumber(name) ?? 0);
    if (number !== null) numbers.push(number);
    else if (setAsideNumber(name) !== null) setAside.count(name, await fileSystem.size(join(folder, name)).catch(() => 0));
    else if (name.endsWith('.tmp')) await fileSystem.remove(join(folder, name)).catch(() => undefined);
  }
  const kept = await readCursor(fileSystem, folder);
  if (kept === 'damaged')
    report({ code: 'bad-cursor', message: `the cursor in ${folder} is damaged: reading starts over from the oldest record` });
  const cursor = kept === 'damaged' ? null : kept;
  const segments: Segment[] = [];
  for (const number of numbers.sort((a, b) => a - b)) {
    const isLast = number === newest;
    const segment = await recoverSegment({ fileSystem, setAside, report }, folder, number, isLast);
    if (segment === null) continue;
    if (segment.records > 0 || segment.size > HEADER_BYTES || isLast) segments.push(segment);
    else await fileSystem.remove(segment.path).catch(() => undefined);
  }
  return { segments, setAside, cursor, next: Math.max(newest, cursor?.segment ?? 0) + 1 };
}

interface Tools {
  readonly fileSystem: FileSystem;
  readonly setAside: SetAside;
  readonly report: (problem: JournalProblem) => void;
}

/** Null if the whole file was set aside, or cannot even be opened. */
async function recoverSegment(tools: Tools, folder: string, number: number, isLast: boolean): Promise<Segment | null> {
  const { fileSystem, report } = tools;
  const path = segmentPath(folder, number);
  let file: OpenFile | null = null;
  try {
    const size = await fileSystem.size(path);
    file = await fileSystem.open(path, 'write');
    const found = await scan(file, number, size);
    const { end, records, firstAt, lastAt } = found;
    const segment: Segment = {
      ...{ number, path, salt: found.salt ?? 0, end, size, records, firstAt, lastAt },
      ...{ file: null, synced: end, sealed: true, broken: false, damaged: false, releasing: false, failingSince: null },
    };
    return end === size || (await mend(tools, segment, file, found, isLast)) ? segment : null;
  } catch (error) {
    report({ code: 'io', message: `cannot read ${path}, which is left as it is: ${String(error)}` });
    return null;
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** Deals with what follows a segment's last whole frame; false if nothing is left of it. Never rejects. */
async function mend({ setAside, report }: Tools, segment: Segment, file: OpenFile, found: Scan, isLast: boolean): Promise<boolean> {
  const { path, end, size } = segment;
  const leave = (reason: unknown): true => {
    const message = `${path}: the ${size - end} bytes from byte ${end} on are not used, and stay for the next start (${String(reason)})`;
    report({ code: 'bad-segment', message });
    segment.damaged = true;
    return true;
  };
  // What cannot be read today can perhaps be read the next time.
  if (found.error !== null) return leave(found.error);
  try {
    if (isLast && (await isTorn(file, found, size))) {
      await file.truncate(end);
      segment.size = end;
      report({ code: 'torn-tail', message: `${path}: cut off the last ${size - end} bytes, which were not wholly written` });
      return true;
    }
    if (end <= HEADER_BYTES) await setAside.whole(segment);
    else await setAside.tail(segment, file);
  } catch (error) {
    return leave(error);
  }
  report({
    code: 'bad-segment',
    message: `${path}: damaged from byte ${end} on; the ${size - end} bytes from there are kept as a .bad file`,
  });
  return end > HEADER_BYTES;
}

/** Whether what follows the end is what a process leaves that is killed while it appends. */
async function isTorn(file: OpenFile, { salt, end }: Scan, size: number): Promise<boolean> {
  if (salt !== null) return !(await hasFrameFrom(file, end + 1, size, salt));
  if (size < HEADER_BYTES) return true;
  const start = Buffer.alloc(Math.min(size, 4096));
  await file.read(start, 0);
  return start.every((byte) => byte === 0);
}
