import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openEmbeddedStore } from '@hostwire/store';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { runLoad } from '../load/run-load.ts';
import { SEED, sizeOf } from './dice.ts';
import { attackWithPayloads, digest } from './payload-attack.ts';
import { print } from './print.ts';
import { ServerUnderTest } from './server-under-test.ts';

const PAYLOADS = sizeOf('HOSTWIRE_FUZZ', 20_000);
/** By then the heap has the size that this load needs. */
const WARM_UP = 10_000;
const GROWTH_MIB = 50;
/** So that none is dropped, and each can be told from what was sent. */
const DEAD_LETTER_BYTES = 64 * 1024 * 1024 + PAYLOADS * 4096;

it(`stores or buries each of ${PAYLOADS} fuzzed payloads and keeps its size`, { timeout: 120_000 + PAYLOADS * 5 }, async () => {
  const folder = tempDir();
  const server = await ServerUnderTest.start({
    folder,
    hosts: { fuzz: 8, warm: 8, good: 5 },
    env: { HOSTWIRE_DEAD_LETTERS_MAX_BYTES: String(DEAD_LETTER_BYTES) },
  });
  onTestFinished(() => server.kill());
  const stop = new AbortController();
  const load = runLoad({ port: server.mqttPort, hosts: server.hosts('good'), mode: 'ack', rate: 25, signal: stop.signal });
  const attack = (hosts: string, payloads: number, seed: number) =>
    attackWithPayloads({ port: server.mqttPort, hosts: server.hosts(hosts), payloads, seed });
  const warm = await attack('warm', WARM_UP, SEED - 1);
  const before = await server.residentMiB();
  const report = await attack('fuzz', PAYLOADS, SEED);
  const after = await server.settledMiB(before + GROWTH_MIB);
  stop.abort();
  const good = await load;
  const metrics = await server.metrics();
  const sum = (prefix: string): number =>
    [...metrics].filter(([name]) => name.startsWith(prefix)).reduce((total, [, value]) => total + value, 0);
  const fates = {
    stored: sum('hostwire_ingest_samples_total') - good.samples,
    clock: sum('hostwire_ingest_clock_total'),
    buried: sum('hostwire_ingest_invalid_total'),
    letters: sum('hostwire_ingest_dead_letters_total'),
    lettersDropped: sum('hostwire_ingest_dead_letters_dropped_total'),
  };
  await server.stop();
  const letters = await match(join(folder, 'dead-letters'), [report.digests, warm.digests]);
  const missing = await notStored(join(folder, 'series'), new Set([...report.valid, ...warm.valid]));
  print(`fuzzed payloads, seed ${SEED}`, {
    warmUp: warm.sent,
    sent: report.sent,
    kinds: report.kinds,
    ...fates,
    file: letters,
    validSent: report.valid.size + warm.valid.size,
    validNotStored: missing.length,
    residentMiB: { before, after },
    good: { samples: good.samples, acked: good.acked, reconnects: good.reconnects, latencyMs: good.latencyMs },
  });

  const sent = report.sent + warm.sent;
  expect(sent).toBe(PAYLOADS + WARM_UP);
  expect(report.pubacked + warm.pubacked).toBe(sent);
  expect(fates.stored + fates.clock + fates.buried).toBe(sent);
  expect(fates.lettersDropped).toBe(0);
  expect(fates.letters).toBe(fates.buried + letters.fields);
  // A letter is a payload that was sent, and no payload has two.
  expect(letters.unknown).toBe(0);
  expect(letters.whole).toBe(fates.buried);
  expect(missing).toEqual([]);
  expect(after - before).toBeLessThan(GROWTH_MIB);
  expect(good).toMatchObject({ left: 0, reconnects: 0, acked: good.samples });
});

interface Letter {
  readonly topic: string;
  readonly reason: string;
  readonly payload: string;
}

/** Takes each dead letter of a whole payload out of the digests of what was sent. */
async function match(folder: string, sent: readonly Map<string, number>[]): Promise<{ whole: number; fields: number; unknown: number }> {
  const counts = { whole: 0, fields: 0, unknown: 0 };
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.jsonl'))) {
    for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
      const { topic, reason, payload } = JSON.parse(line) as Letter;
      const name = digest(topic.split('/')[2] ?? '', Buffer.from(payload, 'base64'));
      const digests = sent.find((some) => (some.get(name) ?? 0) > 0);
      if (digests === undefined) counts.unknown++;
      else if (reason === 'fields') counts.fields++;
      else {
        counts.whole++;
        digests.set(name, (digests.get(name) ?? 0) - 1);
      }
    }
  }
  return counts;
}

/** Of valid samples, those that are not exactly once in measurement `agent`. */
async function notStored(directory: string, valid: ReadonlySet<string>): Promise<string[]> {
  const store = await openEmbeddedStore({ directory });
  try {
    const seen = new Map<string, number>();
    const { results } = await store.query('SELECT run, seq FROM agent GROUP BY host', { database: 'hostwire', epoch: 'ms' });
    if (results[0]?.error !== undefined) throw new Error(results[0].error);
    for (const { tags, values } of results[0]?.series ?? []) {
      for (const [, run, seq] of values) {
        const name = `${tags?.['host']} ${String(run)} ${String(seq)}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }
    return [...valid].filter((name) => seen.get(name) !== 1);
  } finally {
    await store.close();
  }
}
