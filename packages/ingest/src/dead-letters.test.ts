import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Counters } from '@hostwire/model';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { DeadLetters } from './dead-letters.ts';

const DAY = 86_400_000;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const letter = { topic: 't', payload: Buffer.alloc(600), reason: 'json', message: 'x' };

describe('DeadLetters', () => {
  it('keeps a file a day, and gives up the oldest for the newest', async () => {
    const folder = join(tempDir(), 'deadletter');
    const counters = new Counters();
    let now = Date.UTC(2026, 0, 30);
    const dead = new DeadLetters({ folder, counters, logger, maxBytes: 3000, now: () => now });
    for (let day = 0; day < 4; day++, now += DAY) await dead.add(letter);
    expect(readdirSync(folder).sort()).toEqual(['2026-01-31.jsonl', '2026-02-01.jsonl', '2026-02-02.jsonl']);
    now -= DAY;
    for (let i = 0; i < 9; i++) await dead.add(letter);
    expect(readdirSync(folder)).toEqual(['2026-02-02.jsonl']);
    const kept = readFileSync(join(folder, '2026-02-02.jsonl'), 'utf8').trim().split('\n').length;
    expect(statSync(join(folder, '2026-02-02.jsonl')).size).toBeLessThanOrEqual(3000);
    expect(counters.get('ingest_dead_letters_total')).toBe(3 + kept);
    expect(counters.get('ingest_dead_letters_dropped_total')).toBe(10 - kept);
    const reopened = new DeadLetters({ folder, counters, logger, maxBytes: 3000, now: () => now });
    await reopened.add(letter);
    expect(statSync(join(folder, '2026-02-02.jsonl')).size).toBeLessThanOrEqual(3000);
  });

  it('counts what it cannot write, and stops nobody', async () => {
    const blocked = join(tempDir(), 'file');
    writeFileSync(blocked, '');
    const counters = new Counters();
    const dead = new DeadLetters({ folder: join(blocked, 'deadletter'), counters, logger });
    await Promise.all([dead.add(letter), dead.add(letter)]);
    await dead.close();
    expect(counters.get('ingest_dead_letters_dropped_total')).toBe(2);
  });

  it('is done with a letter when that is written, however many follow', async () => {
    const dead = new DeadLetters({ folder: join(tempDir(), 'deadletter'), counters: new Counters(), logger });
    let done = false;
    const first = dead.add(letter).then(() => {
      done = true;
    });
    // A disk that others use may take its time.
    for (const end = Date.now() + 10_000; Date.now() < end && !done; ) {
      void dead.add({ ...letter, payload: Buffer.alloc(0) });
      await new Promise((next) => setImmediate(next));
    }
    expect(done).toBe(true);
    await first;
    await dead.close();
  });
});
