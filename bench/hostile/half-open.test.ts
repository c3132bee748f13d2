import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { runLoad } from '../load/run-load.ts';
import { Dice, SEED, sizeOf } from './dice.ts';
import { connectPacket } from './mutate-packet.ts';
import { print } from './print.ts';
import { ServerUnderTest } from './server-under-test.ts';

const SOCKETS = sizeOf('HOSTWIRE_HALF_OPEN', 2000);
const SECONDS = 12;

/** Keeps `count` sockets open that never authenticate: when the broker closes one, another comes after a second or two. */
class HalfOpen {
  readonly #port: number;
  readonly #dice: Dice;
  readonly #sockets = new Set<Socket>();
  #stopped = false;
  opened = 0;

  constructor(port: number, count: number, seed: number) {
    this.#port = port;
    this.#dice = new Dice(seed);
    for (let i = 0; i < count; i++) this.#open();
  }

  stop(): void {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #open(): void {
    const hello = connectPacket('nobody', 'nobody', 'x'.repeat(64));
    const socket = connect({ port: this.#port, host: '127.0.0.1' });
    this.opened++;
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    // Nothing, or a part of a CONNECT.
    if (this.#dice.chance(0.5)) socket.write(hello.subarray(0, 1 + this.#dice.below(hello.length - 1)));
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (!this.#stopped) setTimeout(() => this.#stopped || this.#open(), 1000 + this.#dice.below(1000));
    });
  }
}

it(`${SOCKETS} sockets that never authenticate keep no host of the same address out`, { timeout: 60_000 }, async () => {
  const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { steady: 3, late: 10 } });
  onTestFinished(() => server.kill());
  const steady = runLoad({ port: server.mqttPort, hosts: server.hosts('steady'), mode: 'ack', rate: 15, seconds: SECONDS });
  await sleep(500);
  const before = await server.residentMiB();
  const crowd = new HalfOpen(server.mqttPort, SOCKETS, SEED);
  onTestFinished(() => crowd.stop());
  await sleep(1500);
  // Each of these connects while the crowd is there, once, and delivers.
  const waits: number[] = [];
  for (const host of server.hosts('late')) {
    const began = performance.now();
    const { acked } = await runLoad({ port: server.mqttPort, hosts: [host], mode: 'ack', samples: 1 });
    expect(acked).toBe(1);
    waits.push(Math.round(performance.now() - began));
  }
  const during = await server.residentMiB();
  const report = await steady;
  print(`${SOCKETS} half-open sockets, seed ${SEED}`, {
    opened: crowd.opened,
    refused: await server.metric('hostwire_broker_refused_total{reason="too-many-connections"}'),
    timedOut: await server.metric('hostwire_broker_refused_total{reason="timeout"}'),
    connectAndDeliverMs: { median: waits.sort((a, b) => a - b)[waits.length >> 1], max: waits.at(-1) },
    residentMiB: { before, during },
    steady: { samples: report.samples, acked: report.acked, reconnects: report.reconnects, latencyMs: report.latencyMs },
  });
  expect(crowd.opened).toBeGreaterThanOrEqual(SOCKETS);
  expect(waits.at(-1)).toBeLessThan(5000);
  expect(report).toMatchObject({ left: 0, reconnects: 0, acked: report.samples });
  expect(server.running).toBe(true);
});
