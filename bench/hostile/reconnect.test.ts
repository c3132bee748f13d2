import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { sizeOf } from './dice.ts';
import { Fleet } from './fleet.ts';
import { print } from './print.ts';
import { ServerUnderTest } from './server-under-test.ts';

const HOSTS = sizeOf('HOSTWIRE_FLEET', 1000);
const LIMIT_MS = 10_000;

it(`${HOSTS} hosts that come back at once have all delivered a sample within 10 s`, { timeout: 120_000 }, async () => {
  const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { fleet: HOSTS } });
  onTestFinished(() => server.kill());
  const fleet = new Fleet(server.mqttPort, server.hosts('fleet'));
  onTestFinished(() => fleet.cut());
  const back = async (why: string, limitMs = LIMIT_MS): Promise<void> => {
    fleet.attempts = 0;
    const took = await fleet.connect(limitMs);
    const at = (part: number): number => Math.round(took[Math.ceil(part * took.length) - 1] ?? 0);
    print(`${HOSTS} hosts are back (${why}), ms`, { p50: at(0.5), p99: at(0.99), last: at(1), attempts: fleet.attempts });
    expect(took).toHaveLength(HOSTS);
    expect(at(1)).toBeLessThan(limitMs);
  };
  // The first time of their lives is no reconnect.
  await back('first time', 3 * LIMIT_MS);
  fleet.cut();
  await back('all connections were cut');
  await server.restart();
  await back('the server was killed and started again');
  // Each takes over its predecessor, which the server still believes in.
  await back('half-open predecessors');
  expect(await server.metric('hostwire_broker_clients')).toBe(HOSTS);
});
