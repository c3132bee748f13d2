import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { runLoad } from '../load/run-load.ts';
import { SEED, sizeOf } from './dice.ts';
import { attackWithPackets } from './packet-attack.ts';
import { print } from './print.ts';
import { ServerUnderTest } from './server-under-test.ts';

const PACKETS = sizeOf('HOSTWIRE_FUZZ', 20_000);
/** By then the heap has the size that this load needs. */
const WARM_UP = 10_000;
const ATTACKERS = 64;
const GROWTH_MIB = 50;

it(`serves its hosts and keeps its size while ${PACKETS} mutated packets come`, { timeout: 120_000 + PACKETS * 5 }, async () => {
  const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { hostile: ATTACKERS, good: 5 } });
  onTestFinished(() => server.kill());
  const attack = (packets: number, seed: number) =>
    attackWithPackets({
      port: server.mqttPort,
      hosts: server.hosts('hostile'),
      reader: server.reader,
      packets,
      seed,
      onProgress: async (sent) => print('so far', { sent, residentMiB: await server.residentMiB() }),
    });
  await attack(WARM_UP, SEED - 1);
  const before = await server.residentMiB();
  const stop = new AbortController();
  const load = runLoad({ port: server.mqttPort, hosts: server.hosts('good'), mode: 'ack', rate: 25, signal: stop.signal });
  const report = await attack(PACKETS, SEED);
  stop.abort();
  const good = await load;
  const after = await server.settledMiB(before + GROWTH_MIB);
  print(`mutated packets, seed ${SEED}`, {
    ...report,
    residentMiB: { before, after },
    good: { samples: good.samples, acked: good.acked, reconnects: good.reconnects, latencyMs: good.latencyMs },
  });

  expect(server.running).toBe(true);
  expect(report.sent).toBe(PACKETS);
  expect(after - before).toBeLessThan(GROWTH_MIB);
  expect(good).toMatchObject({ left: 0, reconnects: 0, acked: good.samples });
  // Nothing of what the attackers opened is left.
  await waitFor(async () => (await server.metric('hostwire_broker_clients')) === 0, { what: 'all connections to be gone' });
  const metrics = await server.metrics();
  expect([...metrics.keys()].filter((name) => name.includes('registry-unavailable') || name.includes('store-unavailable'))).toEqual([]);
});
