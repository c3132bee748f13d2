import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openInfluxStore } from '@hostwire/store';
import { startScriptedInflux, tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { encode, makeSample, NOW, rig, topics } from './ingest.testkit.ts';
import { adoptJournals, openOwnJournal } from './journal-folders.ts';

const ROUNDS = 4;
const child = fileURLToPath(new URL('./ingests-until-killed.testkit.ts', import.meta.url));
const journal = { maxBytes: 1e9, minFreeBytes: 0 };

/** Takes samples in from `from` on and is killed some time after the first acknowledgement; returns what was acknowledged. */
async function ingestUntilKilled(folder: string, url: string, from: number, after: number): Promise<Set<number>> {
  const running = spawn(process.execPath, ['--import', 'tsx', '--conditions=@hostwire/source', child, folder, url, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(running, 'exit');
  await Promise.race([once(running.stdout, 'data'), exited]);
  await sleep(after);
  running.kill('SIGKILL');
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  const acknowledged = new Set<number>();
  for (const line of output.slice(0, output.lastIndexOf('\n')).split('\n')) {
    const [first = 0, last = -1] = line.split(' ').map(Number);
    for (let seq = first; seq <= last; seq++) acknowledged.add(seq);
  }
  return acknowledged;
}

it('a process killed between acknowledgement and store, again and again, loses nothing that it acknowledged', {
  timeout: 120_000,
}, async () => {
  const folder = tempDir();
  mkdirSync(join(folder, 'dead-letters'));
  const influx = await startScriptedInflux();
  onTestFinished(() => influx.stop());
  const acknowledged = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    // It takes something at times, hangs at times, and is down at times.
    let turn = 0;
    influx.script = () => (['never', { status: 503 }, null, null] as const)[(turn++ + round) % 4] ?? null;
    const next = Math.max(1, Math.max(0, ...acknowledged) - 30);
    for (const seq of await ingestUntilKilled(folder, influx.url, next, 50 + Math.random() * 400)) acknowledged.add(seq);
  }
  influx.script = () => null;
  const store = openInfluxStore({ url: influx.url, database: 'hostwire' });
  const made = rig({ store });
  const stop = adoptJournals({ root: join(folder, 'journal'), journal }, { ingest: made.ingest, logger: made.logger });
  await waitFor(() => made.ingest.stats().drain !== null);
  await waitFor(() => made.ingest.stats().drain === null);
  const stored = new Set(influx.lines.map((line) => Number(BigInt(line.slice(line.lastIndexOf(' ') + 1)) / 1_000_000n) - NOW));
  const missing = [...acknowledged].filter((seq) => !stored.has(seq));
  expect(acknowledged.size).toBeGreaterThan(ROUNDS * 20);
  expect(missing).toEqual([]);
  expect(made.counters.get('ingest_dead_letters_total')).toBe(0);
  await made.ingest.close();
  await stop();
  await store.close();
});

it('workers that share a data directory each have a journal of their own, and take over what one of them left', async () => {
  const root = join(tempDir(), 'journal');
  const [first, second] = [await openOwnJournal({ root, journal }), await openOwnJournal({ root, journal })];
  expect([first.folder, second.folder]).toEqual([join(root, '1'), join(root, '2')]);
  const one = rig({ journal: first.journal, backoff: { minMs: 5, maxMs: 20 } });
  one.store.fail = () => new Error('down');
  await one.ingest.accept({ topic: topics.sample('pve1', 'fast'), payload: encode(makeSample({ seq: 7 })), receivedAt: NOW });
  const two = rig({ journal: second.journal });
  const stop = adoptJournals({ root, journal }, { ingest: two.ingest, logger: two.logger, everyMs: 50 });
  await sleep(150);
  expect(two.store.commits).toEqual([]);
  await one.ingest.close();
  await first.close();
  await waitFor(() => two.store.commits.length === 1);
  await two.ingest.close();
  await stop();
  const third = await openOwnJournal({ root, journal });
  expect(third.folder).toBe(join(root, '1'));
  expect(await third.journal.read(third.journal.cursor, 1)).toEqual([]);
  await second.close();
  await third.close();
});
