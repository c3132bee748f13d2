import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Compactor } from './compactor.ts';
import { Dictionary, type Entries } from './dictionary.ts';
import { HotFile, hotPath } from './hot-file.ts';
import { HotIndex } from './hot-index.ts';
import { LockedError, own } from './owner.ts';
import type { FromWriter, ToWriter, WriterOptions, WriterStats } from './protocol.ts';
import { ROW_HEAD } from './row-writer.ts';
import { isDamagedFile, type SqlFile } from './sql.ts';

/** How long compaction holds the thread at once, while a commit may be waiting. */
const SLICE_MS = 8;
/** What comes after this much does not wait for one commit with it. */
const MAX_COMMIT_BYTES = 8 * 1024 * 1024;
const MAINTENANCE_MS = 1000;
const MEASURE_MS = 60_000;

type Rows = Extract<ToWriter, { type: 'rows' }>;

/** Batches that are inserted and not committed. */
interface OpenCommit {
  readonly started: number;
  readonly inserted: [group: number, time: number, id: number, bytes: number][];
  bytes: number;
  seq: number;
  more: boolean;
  failure: unknown;
}

/** The only writer of every file of the store. */
class Writer {
  readonly #port: MessagePort;
  readonly #options: WriterOptions;
  readonly #owner: SqlFile;
  readonly #hot: HotFile;
  readonly #dictionary = new Dictionary();
  readonly #index = new HotIndex();
  readonly #compactor: Compactor;
  readonly #timer: NodeJS.Timeout;
  #open: OpenCommit | null = null;
  #scheduled = false;
  /** Requests for compaction of everything, answered when nothing is left to do. */
  #requests: number[] = [];
  /** Entries that are not committed: those of a failed commit go with the next one. */
  #unsaved: Entries[] = [];
  #commits = 0;
  #commitMs = 0;
  #failedCommits = 0;
  #compactionMs = 0;
  #longestSliceMs = 0;
  #fileBytes = 0;
  #measured = Number.NEGATIVE_INFINITY;

  constructor(port: MessagePort, options: WriterOptions) {
    this.#port = port;
    this.#options = options;
    const { directory, hotLimit } = options;
    this.#owner = own(directory);
    try {
      this.#hot = new HotFile(directory);
    } catch (error) {
      this.#owner.close();
      throw error;
    }
    const { entries, lastSid } = this.#hot.entries();
    this.#dictionary.add(entries);
    this.#hot.eachRow((id, group, time, bytes) => this.#index.add(group, time, id, bytes, 0));
    this.#compactor = new Compactor({
      directory,
      hotLimit,
      hot: this.#hot,
      index: this.#index,
      dictionary: this.#dictionary,
      now: () => this.#now(),
      report: (message) => this.#post({ type: 'problem', message }),
    });
    this.#timer = setInterval(() => this.#maintain(), MAINTENANCE_MS);
    port.on('message', (message: ToWriter) => this.#take(message));
    this.#post({ type: 'ready', entries, lastSid, stats: this.#stats() });
    setImmediate(() => this.#maintain());
  }

  #take(message: ToWriter): void {
    let next: ToWriter | undefined = message;
    while (next !== undefined) {
      if (next.type === 'rows') this.#append(next);
      else this.#control(next);
      if (this.#open === null) return;
      // What else has arrived joins this commit.
      const waits: boolean = this.#open.more || this.#open.bytes < MAX_COMMIT_BYTES;
      next = waits ? (receiveMessageOnPort(this.#port) as { message: ToWriter } | undefined)?.message : undefined;
    }
    // The rest of a write that is not here yet comes as a message of its own.
    if (this.#open?.more !== true) this.#commit();
  }

  #control(message: Exclude<ToWriter, Rows>): void {
    if (this.#open !== null) this.#commit();
    if (message.type === 'close') {
      this.#close();
    } else {
      this.#requests.push(message.request);
      this.#compactor.plan(true);
      this.#schedule();
    }
  }

  #append(batch: Rows): void {
    const { entries, memory, length, seq, more } = batch;
    const first = this.#open === null;
    const open = this.#open ?? { started: performance.now(), inserted: [], bytes: 0, seq, more, failure: null };
    this.#open = open;
    open.seq = seq;
    open.more = more;
    open.bytes += length;
    if (entries !== null) this.#dictionary.add(entries);
    const unsaved = first ? [...this.#unsaved] : [];
    if (entries !== null) {
      unsaved.push(entries);
      this.#unsaved.push(entries);
    }
    if (open.failure !== null) return;
    try {
      if (first) this.#hot.begin();
      for (const one of unsaved) this.#hot.addEntries(one);
      this.#insert(Buffer.from(memory, 0, length), open.inserted);
    } catch (error) {
      open.failure = error;
    }
  }

  #insert(rows: Buffer, inserted: OpenCommit['inserted']): void {
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    for (let at = 0; at < rows.length; ) {
      const bytes = view.getUint32(at, true);
      const group = view.getUint32(at + 4, true);
      const time = view.getFloat64(at + 8, true);
      at += ROW_HEAD;
      const id = this.#hot.insert(group, time, rows.subarray(at, at + bytes));
      inserted.push([group, time, id, bytes]);
      at += bytes;
    }
  }

  #commit(): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    if (open.failure === null) {
      try {
        this.#hot.commit();
      } catch (error) {
        open.failure = error;
      }
    }
    if (open.failure !== null) {
      this.#hot.rollback();
      this.#failedCommits++;
      this.#post({ type: 'failed', seq: open.seq, message: String(open.failure) });
      return;
    }
    this.#unsaved = [];
    const now = this.#now();
    for (const [group, time, id, bytes] of open.inserted) this.#index.add(group, time, id, bytes, now);
    this.#commits++;
    this.#commitMs += performance.now() - open.started;
    this.#post({ type: 'committed', seq: open.seq, stats: this.#stats() });
    if (this.#index.bytes > this.#options.hotLimit && !this.#compactor.busy) {
      this.#compactor.plan(false);
      this.#schedule();
    }
  }

  #maintain(): void {
    try {
      if (performance.now() - this.#measured > MEASURE_MS) {
        this.#measured = performance.now();
        this.#fileBytes = bytesOf(this.#options.directory);
      }
      if (this.#options.retentionMs !== null) this.#compactor.dropBefore(this.#now() - this.#options.retentionMs);
      this.#compactor.plan(false);
      this.#schedule();
    } catch (error) {
      this.#post({ type: 'problem', message: `maintenance of the store failed: ${String(error)}` });
    }
    this.#post({ type: 'stats', stats: this.#stats() });
  }

  /** Runs the compactor between messages. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#open === null) this.#slice();
      if (this.#compactor.busy) this.#schedule();
      else this.#answerRequests();
    });
  }

  #slice(): void {
    const started = performance.now();
    // Where rows come faster than they can be moved beside commits, commits wait longer instead of hot.db growing on.
    const pressure = Math.max(0, this.#index.bytes / this.#options.hotLimit - 1);
    const budget = SLICE_MS * 2 ** Math.min(4, pressure * 4);
    let now = started;
    while (this.#compactor.busy && now - started < budget) {
      const before = now;
      this.#compactor.step();
      now = performance.now();
      this.#longestSliceMs = Math.max(this.#longestSliceMs, now - before);
    }
    this.#compactionMs += now - started;
  }

  #answerRequests(): void {
    for (const request of this.#requests) this.#post({ type: 'compacted', request, error: this.#compactor.error, stats: this.#stats() });
    this.#requests = [];
  }

  #close(): void {
    clearInterval(this.#timer);
    this.#compactor.close();
    this.#hot.close();
    this.#owner.close();
    this.#post({ type: 'closed' });
    this.#port.close();
  }

  #now(): number {
    return Date.now() + this.#options.clockOffset;
  }

  #post(message: FromWriter): void {
    this.#port.postMessage(message);
  }

  #stats(): WriterStats {
    return {
      hotRows: this.#index.rows,
      hotBytes: this.#index.bytes,
      commits: this.#commits,
      commitMs: this.#commitMs,
      failedCommits: this.#failedCommits,
      compactions: this.#compactor.compactions,
      compactionMs: this.#compactionMs,
      longestSliceMs: this.#longestSliceMs,
      fileBytes: this.#fileBytes,
    };
  }
}

function bytesOf(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? bytesOf(path) : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }
  return bytes;
}

const port = parentPort;
if (port === null) throw new Error('writer-worker runs as a worker thread only');
try {
  new Writer(port, (workerData as { options: WriterOptions }).options);
} catch (error) {
  const code = error instanceof LockedError ? 'locked' : 'unavailable';
  const { directory } = (workerData as { options: WriterOptions }).options;
  const message = error instanceof Error ? error.message : String(error);
  const refused: FromWriter = {
    type: 'refused',
    code,
    // Names and series are in that file: without it the day files say nothing, so it is never put aside by itself.
    message: isDamagedFile(error)
      ? `${hotPath(directory)} is damaged (${message}): restore it from a backup, or move ${directory} away`
      : message,
  };
  port.postMessage(refused);
  port.close();
}
