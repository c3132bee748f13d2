import { errorCode, type OpenFile } from './file-system.ts';
import { HEADER_BYTES } from './frame.ts';
import type { Position, StoredRecord } from './journal.ts';
import type { LogState } from './log-state.ts';
import { FileWindow, frameAt, type Segment, scan } from './segment.ts';

const MAX_STEP_BYTES = 1024 * 1024;
/** What cannot be read for so long never will be: what follows it must not wait for it. */
const UNREADABLE_MS = 60_000;

/** Reads records, one call at a time: its caller sees to that. */
export class SegmentReader {
  readonly #log: LogState;

  constructor(log: LogState) {
    this.#log = log;
  }

  /** As `Journal.read`. */
  async read(from: Position, maxBytes: number): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    let at = from;
    let left = maxBytes;
    for (let segment = this.#holding(at); segment !== undefined; segment = this.#holding(at)) {
      const start = segment.number === at.segment ? Math.max(at.offset, HEADER_BYTES) : HEADER_BYTES;
      let read: { records: StoredRecord[]; next: number | null };
      try {
        read = await this.#readSegment(segment, start, left, records.length === 0);
      } catch (error) {
        if (records.length > 0) return records;
        throw error;
      }
      for (const record of read.records) left -= record.bytes.length;
      records.push(...read.records);
      if (read.next === null) break;
      at = { segment: segment.number, offset: read.next };
    }
    return records;
  }

  /** As `Journal.readAt`. */
  async readAt(position: Position): Promise<StoredRecord | null> {
    const segment = this.#log.segments.find(({ number }) => number === position.segment);
    if (segment === undefined || position.offset < HEADER_BYTES || position.offset >= segment.end) return null;
    const { records } = await this.#readSegment(segment, position.offset, 0, true);
    const [record] = records;
    return record?.position.offset === position.offset ? record : null;
  }

  /** The segment that has the first record from a position on. */
  #holding({ segment, offset }: Position): Segment | undefined {
    return this.#log.segments.find(({ number, end }) => (number > segment && end > HEADER_BYTES) || (number === segment && offset < end));
  }

  /** `next` is where to go on, null when `maxBytes` are reached. Rejects with JournalError `io`. */
  async #readSegment(
    segment: Segment,
    start: number,
    maxBytes: number,
    atLeastOne: boolean,
  ): Promise<{ records: StoredRecord[]; next: number | null }> {
    const { end: limit } = segment;
    const records: StoredRecord[] = [];
    let file: OpenFile | null = null;
    try {
      file = await this.#log.fileSystem.open(segment.path, 'read');
      const window = new FileWindow(file, limit, Math.min(MAX_STEP_BYTES, Math.max(maxBytes, 16_384)));
      let bytes = 0;
      let offset = start;
      while (offset < limit) {
        const frame = await frameAt(window, offset, segment.salt);
        if (frame === null) return { records, next: await this.#pass(segment, file, offset, limit) };
        segment.failingSince = null;
        bytes += frame.record.length;
        if (bytes > maxBytes && !(atLeastOne && records.length === 0)) return { records, next: null };
        records.push({
          position: { segment: segment.number, offset },
          end: { segment: segment.number, offset: offset + frame.size },
          appendedAt: frame.appendedAt,
          bytes: frame.record,
        });
        offset += frame.size;
      }
      return { records, next: offset };
    } catch (error) {
      if (records.length > 0) return { records, next: null };
      if (this.#isReleased(segment, limit)) return { records, next: Number.MAX_SAFE_INTEGER };
      segment.failingSince ??= performance.now();
      const isGone = errorCode(error) === 'ENOENT';
      if (!isGone && performance.now() - segment.failingSince < UNREADABLE_MS) throw this.#log.failure('read', segment.path, error);
      if (file !== null) return { records, next: await this.#pass(segment, file, start, limit) };
      this.#lose(segment, error);
      return { records, next: Number.MAX_SAFE_INTEGER };
    } finally {
      await file?.close().catch(() => undefined);
    }
  }

  /** There is no frame at `offset`: where to go on, after a look whether that is damage or only no place where one begins. */
  async #pass(segment: Segment, file: OpenFile, offset: number, limit: number): Promise<number> {
    let next = Number.MAX_SAFE_INTEGER;
    const found = await scan(file, segment.number, limit, (begin) => {
      if (begin > offset) next = Math.min(next, begin);
    });
    if (found.end < limit && !this.#isReleased(segment, limit)) {
      const { end, records, lastAt } = found;
      Object.assign(segment, { end: Math.max(end, HEADER_BYTES), records, lastAt, sealed: true, damaged: true });
      if (this.#log.dirty.has(segment)) segment.broken = true;
      const message = `${segment.path}: damaged from byte ${end} on; the ${limit - end} bytes from there are passed over, and kept as a .bad file`;
      this.#log.tally.report({ code: 'bad-segment', message });
    }
    return next;
  }

  /** Or is about to be, or was found to be damaged by another call. */
  #isReleased(segment: Segment, limit: number): boolean {
    return segment.releasing || segment.end < limit || !this.#log.segments.includes(segment);
  }

  #lose(segment: Segment, error: unknown): void {
    segment.sealed = segment.broken = true;
    this.#log.segments.splice(this.#log.segments.indexOf(segment), 1);
    const message = `${segment.path}: its ${segment.records} records are lost, it cannot be opened (${String(error)})`;
    this.#log.tally.report({ code: 'bad-segment', message });
  }
}
