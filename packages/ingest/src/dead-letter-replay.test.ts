import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '@hostwire/journal';
import { Counters } from '@hostwire/model';
import { StoreError } from '@hostwire/store';
import { tempDir, waitFor } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readLetter, readLetters, type StoredLetter } from './dead-letter-files.ts';
import { pendingReplays, replayOutcomes, requestReplay, serveReplays } from './dead-letter-replay.ts';
import { DeadLetters } from './dead-letters.ts';
import { makeSample, NOW, type Rig, rig, topics } from './ingest.testkit.ts';
import { testJournal } from './journal.testkit.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

async function all(folder: string): Promise<StoredLetter[]> {
  const letters: StoredLetter[] = [];
  for await (const letter of readLetters(folder)) letters.push(letter);
  return letters;
}

describe('dead letters', () => {
  it('are read back as they were written, newest first, each by its id, also behind a line that was cut off', async () => {
    const parent = tempDir();
    let folders = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ topic: fc.string(), reason: fc.string(), message: fc.string(), payload: fc.uint8Array() }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (letters) => {
          const folder = join(parent, `f${folders++}`);
          const dead = new DeadLetters({ folder, counters: new Counters(), logger, now: () => NOW });
          for (const letter of letters) await dead.add(letter);
          appendFileSync(join(folder, '2026-09-21.jsonl'), '{"time":"2026-09-21T14:1');
          const restarted = new DeadLetters({ folder, counters: new Counters(), logger, now: () => NOW });
          await restarted.add({ topic: 't', reason: 'json', message: 'last', payload: Buffer.from('x') });
          const read = await all(folder);
          const written = [...letters, { topic: 't', reason: 'json', message: 'last', payload: Buffer.from('x') }].reverse();
          expect(read.map(({ topic, reason, message, payload }) => ({ topic, reason, message, payload }))).toEqual(
            written.map(({ payload, ...letter }) => ({ ...letter, payload: Buffer.from(payload) })),
          );
          for (const letter of read) expect(await readLetter(folder, letter.id)).toEqual(letter);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('that are asked for and are not there are null', async () => {
    const folder = tempDir();
    for (const id of ['2026-09-21:0', '2026-09-21:12', '../../etc/passwd:0', '', 'x']) expect(await readLetter(folder, id)).toBeNull();
    expect(await all(join(folder, 'nowhere'))).toEqual([]);
  });
});

describe('a letter that is handed in again', () => {
  async function buried(made: Rig): Promise<string> {
    made.store.fail = () => new StoreError('invalid', 'not today');
    await made.accept(makeSample({ seq: 3 }));
    await waitFor(() => made.counters.get('ingest_dead_letters_total') === 1);
    made.store.fail = null;
    return (await all(made.folder))[0]?.id ?? '';
  }

  function serve(made: Rig): () => Promise<void> {
    const stop = serveReplays({ folder: made.folder, ingest: made.ingest, counters: made.counters, logger, everyMs: 10 });
    onTestFinished(stop);
    return stop;
  }

  it.each(['the store', 'a journal'])(
    'is stored in %s, however old it is, without acknowledgement or live value, and once for two wishes',
    async (where) => {
      const made = rig(where === 'the store' ? {} : { journal: await testJournal() });
      const id = await buried(made);
      const [acks, heard] = [made.acks.length, [] as number[]];
      made.ingest.onSample(({ seq }) => heard.push(seq));
      made.clock += 7 * 86_400_000;
      await requestReplay(made.folder, id);
      await requestReplay(made.folder, id);
      expect(await pendingReplays(made.folder)).toEqual([id]);
      serve(made);
      await waitFor(() => made.store.commits.length === 1);
      await waitFor(async () => (await pendingReplays(made.folder)).length === 0);
      expect(made.store.commits.flat()[0]).toMatchObject({ time: NOW, source: 'pve1/fast' });
      expect((await replayOutcomes(made.folder)).get(id)).toMatchObject({ refused: null });
      expect({ acks: made.acks.length, heard }).toEqual({ acks, heard: [] });
      expect(made.counters.get('ingest_replayed_total{result="stored"}')).toBe(1);
    },
  );

  it('and still is no sample stays what it is, with the reason', async () => {
    const made = rig();
    await made.acceptRaw(topics.sample('pve1', 'fast'), '{"broken');
    const [letter] = await all(made.folder);
    await requestReplay(made.folder, letter?.id ?? '');
    serve(made);
    await waitFor(async () => (await replayOutcomes(made.folder)).size === 1);
    expect((await replayOutcomes(made.folder)).get(letter?.id ?? '')).toMatchObject({ refused: 'the payload is not JSON' });
    expect(await all(made.folder)).toHaveLength(1);
  });

  it('waits while the store takes nothing, and while another process is at it', async () => {
    const made = rig();
    const id = await buried(made);
    made.store.fail = () => new StoreError('unavailable', 'down');
    await requestReplay(made.folder, id);
    serve(made);
    await waitFor(() => made.counters.get('ingest_failed_total') > 1);
    expect(await pendingReplays(made.folder)).toEqual([id]);
    const lock = await waitFor(() => lockFolder(join(made.folder, 'replay')).catch(() => null));
    made.store.fail = null;
    await new Promise((done) => setTimeout(done, 60));
    expect(made.store.commits).toEqual([]);
    await lock.release();
    await waitFor(() => made.store.commits.length === 1);
    await waitFor(async () => (await pendingReplays(made.folder)).length === 0);
    expect(readdirSync(join(made.folder, 'replay')).filter((name) => !name.startsWith('lock-'))).toEqual([]);
  });

  it('and is gone is said to be', async () => {
    const made = rig();
    await requestReplay(made.folder, '2026-01-01:0');
    serve(made);
    await waitFor(async () => (await replayOutcomes(made.folder)).get('2026-01-01:0')?.refused !== undefined);
  });
});
