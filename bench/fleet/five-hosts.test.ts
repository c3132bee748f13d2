import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { byHand } from './by-hand.ts';
import { copyAgent, type FleetServer, installServer } from './fleet-server.ts';
import type { Machine } from './machine.ts';
import { type Network, startNetwork } from './network.ts';
import { debianTree, packages } from './packages.ts';

/** What agents have by default. The longest wait of an agent before it connects again is two of them. */
const INTERVAL_S = 30;
/** Within which the dashboard must tell the truth. */
const THREE_INTERVALS = { timeout: 3 * INTERVAL_S * 1000, interval: 250 };
const PARTITION_MS = 60_000;
const OFF_MS = 20_000;
const START = 'sh /opt/hostwire-agent/current/share/service.sh start';

await byHand('a fleet of five hosts', () => {
  let network: Network;
  let server: FleetServer;
  let outside: Machine;
  let hosts: Machine[] = [];
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const stateOf = async (name: string): Promise<string | undefined> =>
    (await server.hosts(outside)).find(({ host }) => host === name)?.state;
  /** Seconds until the server shows the state to a machine that is not part of it. */
  const shows = async (name: string, state: string): Promise<string> => {
    const from = Date.now();
    await waitFor(async () => (await stateOf(name)) === state, { ...THREE_INTERVALS, what: `${name} ${state}` });
    return ((Date.now() - from) / 1000).toFixed(1);
  };

  beforeAll(async () => {
    const archives = await packages();
    network = await startNetwork(await debianTree());
    server = await installServer(await network.add('server'), archives);
    outside = await network.add('outside');
    for (const name of ['h1', 'h2', 'h3', 'h4', 'h5']) {
      const host = await network.add(name);
      hosts = [...hosts, host];
      await copyAgent(host, archives);
      await host.must(await server.enrol(name));
    }
  }, 900_000);
  afterAll(() => network?.close(), 60_000);

  it('shows who is away within three intervals, and has lost nothing when all are back', { timeout: 600_000 }, async () => {
    const [, cut, rebooted, ...steady] = hosts as [Machine, Machine, Machine, ...Machine[]];
    for (const { name } of hosts) await shows(name, 'online');
    await sleep(2 * INTERVAL_S * 1000);

    await cut.plug(false);
    await rebooted.powerOff();
    const [cutSeen, offSeen] = await Promise.all([shows('h2', 'offline'), shows('h3', 'offline')]);
    say(`h2 without network is offline after ${cutSeen} s, h3 without power after ${offSeen} s`);
    for (const { name } of steady) expect(await stateOf(name)).toBe('online');

    await sleep(OFF_MS);
    await rebooted.boot();
    await rebooted.must(START);
    say(`h3 is online ${await shows('h3', 'online')} s after its boot`);
    await sleep(Math.max(0, PARTITION_MS - OFF_MS - Number(cutSeen) * 1000));
    await cut.plug(true);
    say(`h2 is online ${await shows('h2', 'online')} s after its cable is in again`);

    // The backlog goes out at five times the live rate.
    await sleep(4 * INTERVAL_S * 1000);
    for (const { name } of hosts) {
      const times = (await server.query(`SELECT usage_active FROM cpu WHERE host = '${name}' AND cpu = 'cpu-total'`)).map(([time]) =>
        Number(time),
      );
      const holes = times.slice(1).filter((time, index) => time - (times[index] ?? 0) > 1.5 * INTERVAL_S * 1000).length;
      const samples = await server.query(`SELECT run, seq FROM agent WHERE host = '${name}'`);
      const [lost, twice] = countSeqs(samples.map(([, run, seq]) => [String(run), Number(seq)]));
      say(`${name}: ${samples.length} samples, ${lost} lost, ${twice} twice; ${times.length} of the fast tier, ${holes} holes`);
      expect([lost, twice]).toEqual([0, 0]);
      // Without power nothing is collected; without network everything is.
      expect(holes).toBe(name === 'h3' ? 1 : 0);
    }
    expect(await server.query('SELECT "count" FROM gap')).toEqual([]);
  });
});

/** Samples that are missing between the first and the last of their run, and those that are there more than once. */
function countSeqs(samples: readonly (readonly [run: string, seq: number])[]): [lost: number, twice: number] {
  const runs = new Map<string, number[]>();
  for (const [run, seq] of samples) runs.set(run, [...(runs.get(run) ?? []), seq]);
  let [lost, twice] = [0, 0];
  for (const seqs of runs.values()) {
    const kinds = new Set(seqs);
    twice += seqs.length - kinds.size;
    lost += Math.max(...seqs) - kinds.size;
  }
  return [lost, twice];
}
