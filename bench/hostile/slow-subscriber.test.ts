import { setTimeout as sleep } from 'node:timers/promises';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { runLoad } from '../load/run-load.ts';
import { sizeOf } from './dice.ts';
import { print } from './print.ts';
import { type Manner, mqttReader, type Reader, webSocketReader } from './readers.ts';
import { ServerUnderTest } from './server-under-test.ts';

const SECONDS = sizeOf('HOSTWIRE_SLOW_SECONDS', 5);
const DELAY_MS = 100;
/** As many as one WebSocket may watch. */
const HOSTS = 50;
const RATE = 500;

interface Surface {
  readonly name: string;
  readonly open: (server: ServerUnderTest, name: string, manner: Manner) => Promise<Reader>;
  readonly dropped: string;
}

const SURFACES: readonly Surface[] = [
  { name: 'an MQTT subscriber', open: mqttReader, dropped: 'hostwire_broker_refused_total{reason="slow"}' },
  {
    name: 'a WebSocket of the API',
    open: (server, _name, manner) =>
      webSocketReader(
        server,
        server.hosts('fleet').map(({ id }) => id),
        manner,
      ),
    dropped: 'hostwire_api_ws_dropped_total{reason="slow"}',
  },
];

for (const { name, open, dropped } of SURFACES) {
  it(`${name} that stops reading, or reads slowly, delays no other and is dropped`, { timeout: 60_000 + SECONDS * 4000 }, async () => {
    const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { fleet: HOSTS } });
    onTestFinished(() => server.kill());
    const stop = new AbortController();
    const load = runLoad({ port: server.mqttPort, hosts: server.hosts('fleet'), mode: 'ack', rate: RATE, signal: stop.signal });
    onTestFinished(() => stop.abort());
    const eager = await open(server, 'eager', 'eager');
    onTestFinished(() => eager.end());
    await sleep(3000);
    eager.latencies();
    await sleep(SECONDS * 1000);
    const calm = eager.latencies().percentile(0.99);
    const figures: Record<string, object> = {};
    for (const manner of ['stalled', 'slow'] as const) {
      const before = await server.metric(dropped);
      const other = await open(server, manner, manner);
      const began = performance.now();
      eager.latencies();
      await sleep(SECONDS * 1000);
      await waitFor(async () => (await server.metric(dropped)) > before, { timeout: 30_000, what: `the ${manner} one to be dropped` });
      const p99 = eager.latencies().percentile(0.99);
      figures[manner] = { p99, delay: p99 - calm, droppedWithinMs: Math.round(performance.now() - began) };
      expect(await server.metric(dropped)).toBe(before + 1);
      other.end();
      expect(p99 - calm).toBeLessThan(DELAY_MS);
    }
    stop.abort();
    const { samples, acked, left, reconnects, latencyMs } = await load;
    print(`${name} that does not read, p99 of one that does, ms`, { calm, ...figures, hosts: { samples, acked, latencyMs } });
    expect({ left, reconnects }).toEqual({ left: 0, reconnects: 0 });
    expect(eager.closed).toBe(false);
  });
}
