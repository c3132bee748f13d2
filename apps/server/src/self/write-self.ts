import { setTimeout as sleep } from 'node:timers/promises';
import { Counters, type FieldType, type FieldValue, type Point, SERVER_MEASUREMENT } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import type { ProcessBody } from '../api/process-schemas.ts';
import { type ProcessSource, processReport } from './process-report.ts';
import { PROCESS_PART } from './read-processes.ts';

export interface SelfWriterOptions {
  readonly source: ProcessSource;
  readonly store: Pick<SeriesStore, 'write'>;
  readonly database: string;
  readonly counters?: Counters;
  readonly logger: Logger;
  readonly everyMs?: number;
}

const EVERY_MS = 30_000;
/** Soon enough that the page about the server knows a process that was just started. */
const FIRST_MS = 1000;
/** After one that failed: the store may start after this process. */
const AGAIN_MS = 5000;
const STOP_MS = 1000;

/** Writes this process's counters and levels into measurement `hostwire`. What fails is counted and left out. */
export function writeSelf(options: SelfWriterOptions): () => Promise<void> {
  const { source, store, database, counters = new Counters(), logger, everyMs = EVERY_MS } = options;
  let writing: Promise<void> = Promise.resolve();
  let failing = false;

  const write = async (): Promise<void> => {
    const time = Date.now();
    try {
      await store.write([
        { database, source: `${SERVER_MEASUREMENT}/${source.instance}`, time, points: toPoints(processReport(source, time)) },
      ]);
      counters.add('self_writes');
      failing = false;
    } catch (error) {
      counters.add('self_writes_failed');
      if (!failing) logger.warn({ err: error }, 'what this process says of itself was not stored; tried again every few seconds');
      failing = true;
    }
  };
  // One at a time: a store that hangs must not gather what nobody will miss.
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = (ms: number): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      writing = write().then(() => next(failing ? Math.min(AGAIN_MS, everyMs) : everyMs));
    }, ms);
    timer.unref();
  };
  next(Math.min(FIRST_MS, everyMs));
  return async () => {
    stopped = true;
    clearTimeout(timer);
    // A store that hangs must not hold back the end of this process.
    await Promise.race([writing, sleep(STOP_MS, undefined, { ref: false })]);
  };
}

/** Numbers are whole and so `int` always: a field of one part may have the name of another's. */
function toPoints({ instance, parts, roles, version, started_at, degraded }: ProcessBody): Point[] {
  const facts = { roles: roles.join(','), version, started_at, degraded: degraded.join(',') };
  const all = Object.entries({ ...parts, [PROCESS_PART]: { ...parts[PROCESS_PART], ...facts } });
  return all.flatMap(([part, fields]: [string, Readonly<Record<string, FieldValue>>]) => {
    const types = Object.fromEntries(
      Object.entries(fields).map(([name, value]): [string, FieldType] => [name, typeof value === 'string' ? 'string' : 'int']),
    );
    return Object.keys(fields).length === 0 ? [] : [{ measurement: SERVER_MEASUREMENT, tags: { instance, part }, fields, types }];
  });
}
