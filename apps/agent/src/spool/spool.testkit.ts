import { basename } from 'node:path';
import type { Gap } from '@hostwire/collectors';
import { type FileSystem, nodeFileSystem, type OpenFile } from '@hostwire/journal';
import type { Sample } from '@hostwire/model';
import { createLogger } from '@hostwire/service';
import { onTestFinished } from 'vitest';
import type { StoredSample } from '../outbox.ts';
import { TickClock } from '../tick-clock.ts';
import { type OpenedSpool, type OpenSpoolOptions, openSpool } from './open-spool.ts';

/** A sample of run `r1` unless said otherwise, of about `bytes` bytes. */
export function makeSample(seq: number, { run = 'r1', bytes = 0, time = Date.now() + seq } = {}): Sample {
  const text = 'x'.repeat(bytes);
  return { v: 1, host: 'h', tier: 'fast', run, seq, time, interval: 5, catalog: 'c', data: { m: [{ fields: { text } }] } };
}

export async function openTestSpool(
  folder: string | null,
  options: Partial<OpenSpoolOptions> = {},
): Promise<OpenedSpool & { log(): string }> {
  let log = '';
  const write = (line: string): void => {
    log += line;
  };
  const logger = createLogger({ name: 'test', pretty: false, destination: { write } });
  const timing = { hungMs: 200, retryMs: 20, noteMs: 5, watchMs: 20, ...options.timing };
  const opened = await openSpool({ folder, clock: new TickClock(), logger, minFreeBytes: 0, ...options, timing });
  onTestFinished(() => opened.close());
  return { ...opened, log: () => log };
}

export function pendingOf({ spool }: Pick<OpenedSpool, 'spool'>): StoredSample[] {
  const found: StoredSample[] = [];
  const pending = spool.pending();
  for (let next = pending.next(); next.done !== true; next = pending.next()) found.push(next.value);
  return found;
}

export function seqsOf(opened: Pick<OpenedSpool, 'spool'>): number[] {
  return pendingOf(opened).map(({ seq }) => seq);
}

/** The gaps that a sample's text tells. */
export function gapsIn(text: string | null): Gap[] {
  const rows = text === null ? [] : ((JSON.parse(text) as Sample).data['gap'] ?? []);
  return rows.map(({ tags, fields }) => ({ reason: tags?.['reason'], ...fields }) as unknown as Gap);
}

/** How many samples the kept ones say are missing. */
export async function missingBy(opened: Pick<OpenedSpool, 'spool'>): Promise<number> {
  let count = 0;
  for (const stored of pendingOf(opened)) for (const gap of gapsIn(await opened.spool.read(stored))) count += gap.count;
  return count;
}

/** A file system that can be told to fail. */
export class FaultyFileSystem implements FileSystem {
  /** Calls of these kinds fail with the code; null: none. */
  fault: { readonly on: readonly ('write' | 'sync' | 'read' | 'create')[]; readonly code: string } | null = null;
  syncs = 0;
  /** Writes wait for it. */
  hang: Promise<void> | null = null;
  /** Reads wait for it. */
  hangReads: Promise<void> | null = null;
  /** A file whose name begins so cannot be opened for reading. */
  unreadable: string | null = null;

  makeFolder = nodeFileSystem.makeFolder;
  list = nodeFileSystem.list;
  size = nodeFileSystem.size;
  rename = nodeFileSystem.rename;
  remove = nodeFileSystem.remove;
  syncFolder = nodeFileSystem.syncFolder;
  space = nodeFileSystem.space;

  async open(path: string, how: 'create' | 'read' | 'write'): Promise<OpenFile> {
    if (how === 'create') this.#check('create');
    if (how === 'read' && this.unreadable !== null && basename(path).startsWith(this.unreadable))
      throw Object.assign(new Error('EMFILE: of a test'), { code: 'EMFILE' });
    const file = await nodeFileSystem.open(path, how);
    return {
      read: async (into, position) => {
        await this.hangReads;
        this.#check('read');
        return file.read(into, position);
      },
      write: async (bytes, position) => {
        await this.hang;
        this.#check('write');
        return file.write(bytes, position);
      },
      truncate: (length) => file.truncate(length),
      sync: async () => {
        this.#check('sync');
        this.syncs++;
        return file.sync();
      },
      close: () => file.close(),
    };
  }

  #check(call: 'write' | 'sync' | 'read' | 'create'): void {
    if (this.fault?.on.includes(call)) throw Object.assign(new Error(`${this.fault.code}: ${call}`), { code: this.fault.code });
  }
}
