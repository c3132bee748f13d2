import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startInfluxd, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { readEmbedded, readInflux, type Stored } from '../faults/stored.ts';
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
  const attack = (hosts: string, payloads: number, seed: number) =>
    attackWithPayloads({ port: server.mqttPort, hosts: server.hosts(hosts), payloads, seed });
  const warm = await attack('warm', WARM_UP, SEED - 1);
  const before = await server.residentMiB();
  const stop = new AbortController();
  const load = runLoad({ port: server.mqttPort, hosts: server.hosts('good'), mode: 'ack', rate: 25, signal: stop.signal });
  const report = await attack('fuzz', PAYLOADS, SEED);
  stop.abort();
  const good = await load;
  const after = await server.settledMiB(before + GROWTH_MIB);
  const fates = await fatesOf(server);
  await server.stop();
  const letters = await match(join(folder, 'dead-letters'), [report.digests, warm.digests]);
  print(`fuzzed payloads, seed ${SEED}`, {
    warmUp: warm.sent,
    sent: report.sent,
    kinds: report.kinds,
    ...fates,
    file: letters,
    residentMiB: { before, after },
    good: { samples: good.samples, acked: good.acked, reconnects: good.reconnects, latencyMs: good.latencyMs },
  });
  const valid = new Set([...report.valid, ...warm.valid]);
  const missing = notStored(valid, await readEmbedded(join(folder, 'series')));
  print('valid ones among them', { sent: valid.size, notStoredOnce: missing.length });

  const sent = report.sent + warm.sent;
  expect(sent).toBe(PAYLOADS + WARM_UP);
  expect(report.pubacked + warm.pubacked).toBe(sent);
  expect(fates.accepted - good.samples + fates.clock + fates.invalid + fates.refusedByStore).toBe(sent);
  expectLetters(fates, letters);
  expect(missing).toEqual([]);
  expect(after - before).toBeLessThan(GROWTH_MIB);
  expect(good).toMatchObject({ left: 0, reconnects: 0, acked: good.samples });
});

systemSuite(['mosquitto', 'influxd'], 'with Mosquitto and InfluxDB', () => {
  it('stores or buries each of 5000 fuzzed payloads', { timeout: 120_000 }, async () => {
    const mosquitto = await startMosquitto();
    onTestFinished(() => mosquitto.stop());
    const influxd = await startInfluxd();
    onTestFinished(() => influxd.stop());
    const folder = tempDir();
    const server = await ServerUnderTest.start({
      folder,
      hosts: { fuzz: 8 },
      args: ['--broker-url', mosquitto.url, '--store', 'influxdb', '--influx-url', influxd.url],
    });
    onTestFinished(() => server.kill());
    const port = Number(new URL(mosquitto.url).port);
    const report = await attackWithPayloads({ port, hosts: server.hosts('fuzz'), payloads: 5000, seed: SEED });
    // A PUBACK of Mosquitto says nothing of ingest, and an accepted sample is in the journal first.
    const fates = await waitFor(
      async () => {
        const now = await fatesOf(server);
        const drained = await server.metric('hostwire_ingest_drained_total');
        return now.accepted + now.clock + now.invalid === report.sent && drained === now.accepted && now;
      },
      { timeout: 60_000, interval: 500, what: 'all payloads to be accounted for and the journal to be empty' },
    );
    await server.stop();
    const letters = await match(join(folder, 'dead-letters'), [report.digests]);
    const missing = notStored(report.valid, await readInflux(influxd.url));
    print(`fuzzed payloads with Mosquitto and InfluxDB, seed ${SEED}`, {
      sent: report.sent,
      ...fates,
      file: letters,
      validSent: report.valid.size,
      validNotStored: missing.length,
    });
    expectLetters(fates, letters);
    expect(missing).toEqual([]);
  });
});

/** Each dead letter is a payload that was sent, no payload has two, and none is left out. */
function expectLetters(fates: Awaited<ReturnType<typeof fatesOf>>, letters: Awaited<ReturnType<typeof match>>): void {
  expect(fates.lettersDropped).toBe(0);
  expect(fates.letters).toBe(fates.invalid + fates.refusedByStore + letters.fields);
  expect(letters).toMatchObject({ unknown: 0, whole: fates.invalid + fates.refusedByStore });
}

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
function notStored(valid: ReadonlySet<string>, stored: Stored): string[] {
  return [...valid].filter((name) => {
    const at = name.lastIndexOf(' ');
    return stored.get(name.slice(0, at))?.get(Number(name.slice(at + 1))) !== 1;
  });
}

/** What became of the payloads, by the server's own counters. */
async function fatesOf(server: ServerUnderTest): Promise<{
  readonly accepted: number;
  readonly clock: number;
  readonly invalid: number;
  readonly refusedByStore: number;
  readonly letters: number;
  readonly lettersDropped: number;
}> {
  const metrics = await server.metrics();
  const sum = (prefix: string): number =>
    [...metrics].filter(([name]) => name.startsWith(prefix)).reduce((total, [, value]) => total + value, 0);
  const refusedByStore = sum('hostwire_ingest_invalid_total{reason="store"}');
  return {
    accepted: sum('hostwire_ingest_samples_total'),
    clock: sum('hostwire_ingest_clock_total'),
    invalid: sum('hostwire_ingest_invalid_total') - refusedByStore,
    refusedByStore,
    letters: sum('hostwire_ingest_dead_letters_total'),
    lettersDropped: sum('hostwire_ingest_dead_letters_dropped_total'),
  };
}
