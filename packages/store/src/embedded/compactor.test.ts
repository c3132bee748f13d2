import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { Compactor } from './compactor.ts';
import { Dictionary } from './dictionary.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { HotFile, type Moved } from './hot-file.ts';
import { HotIndex } from './hot-index.ts';
import { openReader, readPoints } from './read-points.testkit.ts';

const START = Date.UTC(2026, 8, 21, 10);

/** hot.db on a disk that fails when told to. */
class FailingHotFile extends HotFile {
  readFails: Error | null = null;
  recordFails: Error | null = null;

  override rows(from: number, to: number): ReturnType<HotFile['rows']> {
    if (this.readFails !== null) throw this.readFails;
    return super.rows(from, to);
  }

  override recordMoved(moved: readonly Moved[]): void {
    if (this.recordFails !== null) throw this.recordFails;
    super.recordMoved(moved);
  }
}

const sqliteError = (code: string): Error => Object.assign(new Error(code), { code });

/** A store with a row at each of these times, closed, and what moves its rows; rows are indexed by `index`. */
async function setUp(times: readonly number[]) {
  const directory = tempDir();
  const store = await openEmbeddedStore({ directory, queryWorkers: 0 });
  const groups = times.map((time, v) => ({
    database: 'db',
    source: 'a',
    time,
    points: [{ measurement: 'm', tags: {}, fields: { v }, types: {} }],
  }));
  await store.write(groups);
  await store.close();
  const hot = new FailingHotFile(directory);
  const dictionary = new Dictionary();
  dictionary.add(hot.entries().entries);
  const index = new HotIndex();
  const clock = { now: START };
  const compactor = new Compactor({ directory, hot, index, dictionary, hotLimit: 1e9, now: () => clock.now, report: () => undefined });
  onTestFinished(() => {
    compactor.close();
    hot.close();
  });
  const rows: [id: number, time: number][] = [];
  hot.eachRow((id, _group, time) => rows.push([id, time]));
  return {
    directory,
    hot,
    addRows: (from: number, to: number) => {
      for (const [id, time] of rows.slice(from, to)) index.add(1, time, id, 10, 0);
    },
    moveAll: () => {
      compactor.plan(true);
      while (compactor.busy) compactor.step();
      return compactor.error;
    },
    read: () => {
      const reader = openReader(directory);
      const { size } = readPoints(reader, 'db', 'm');
      reader.close();
      return size;
    },
  };
}

it('a damaged hot.db does not put the files of days aside', async () => {
  const { directory, hot, addRows, moveAll } = await setUp([START, START + 1000]);
  addRows(0, 1);
  expect(moveAll()).toBeNull();
  hot.readFails = sqliteError('SQLITE_CORRUPT');
  addRows(1, 2);
  expect(moveAll()).toContain('hot.db: ');
  expect(readdirSync(join(directory, 'raw')).filter((name) => name.includes('.bad'))).toEqual([]);
  expect(existsSync(join(directory, 'raw', '2026-09-21.db'))).toBe(true);
});

it('the length of slots that a day has in its file stands, though hot.db failed after it was written', async () => {
  const minutes = Array.from({ length: 60 }, (_, i) => START + i * 60_000);
  const seconds = Array.from({ length: 3600 }, (_, i) => START + 500 + i * 1000);
  const { hot, addRows, moveAll, read } = await setUp([...minutes, ...seconds]);
  addRows(0, 60);
  hot.recordFails = sqliteError('SQLITE_FULL');
  expect(moveAll()).toContain('SQLITE_FULL');
  hot.recordFails = null;
  addRows(60, 3660);
  expect(moveAll()).toBeNull();
  // Throws if chunks overlap.
  expect(read()).toBe(3660);
});
