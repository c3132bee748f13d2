import { writeSync } from 'node:fs';
import { Counters, encodeSample, topics as makeTopics, toCatalog } from '@hostwire/model';
import { openInfluxStore } from '@hostwire/store';
import { DeadLetters } from './dead-letters.ts';
import { createIngest } from './ingest.ts';
import { openOwnJournal } from './journal-folders.ts';

/*
 * A process for journal-crash.test.ts: takes samples in, one a ms from `from`, in front of an InfluxDB, and says which are
 * acknowledged. arguments: folder, url of the InfluxDB, from.
 */
const [folder = '', url = '', from = '1'] = process.argv.slice(2);
const START = 1_790_000_000_000;

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const topics = makeTopics();
const held = await openOwnJournal({ root: `${folder}/journal`, journal: { maxBytes: 1e9, minFreeBytes: 0, segmentBytes: 64 * 1024 } });
const counters = new Counters();
const ingest = createIngest({
  store: openInfluxStore({ url, database: 'hostwire' }),
  journal: held.journal,
  bus: {
    async publish(_topic, payload) {
      const { seqs = [] } = JSON.parse(String(payload)) as { seqs?: [number, number][] };
      for (const [first, last] of seqs) writeSync(1, `${first} ${last}\n`);
    },
  },
  topics,
  catalog: toCatalog([]),
  catalogFor: async () => null,
  deadLetters: new DeadLetters({ folder: `${folder}/dead-letters`, counters, logger }),
  logger,
  counters,
  now: () => START,
  backoff: { minMs: 5, maxMs: 20 },
});

for (let seq = Number(from); ; seq += 20) {
  const batch = Array.from({ length: 20 }, (_, i) =>
    encodeSample({
      ...{ v: 1, host: 'pve1', tier: 'fast', run: 'r1', seq: seq + i, time: START + seq + i, interval: 1, catalog: '' },
      data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: seq + i } }] },
    }),
  );
  await Promise.all(
    batch.map((payload) => ingest.accept({ topic: topics.sample('pve1', 'fast'), payload: Buffer.from(payload), receivedAt: START })),
  );
}
