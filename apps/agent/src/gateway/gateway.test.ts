import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostInfo, type Sample, topics as topicsUnder } from '@hostwire/model';
import { createLogger } from '@hostwire/service';
import { type NetworkHost, networkHosts, type Sshd, startSshd, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { decodeJson } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../agent-config.ts';
import { TestBroker } from '../broker.testkit.ts';
import { startRemoteAgents } from './remote-agents.ts';

const topics = topicsUnder();
const POLL_MS = 2_000;

interface Behind {
  readonly name: string;
  readonly network: NetworkHost;
  readonly sshd: Sshd;
}

/** Hosts in networks of their own, each with its sshd; null where this user may make none. */
async function hostsBehind(count: number): Promise<Behind[] | null> {
  const networks = networkHosts(count);
  if (networks === null) return null;
  return Promise.all(
    networks.map(async (network, index) => {
      const sshd = await startSshd({ namespace: network.namespace, address: network.address });
      onTestFinished(() => sshd.stop());
      return { name: `pi-${index + 1}`, network, sshd };
    }),
  );
}

async function startGateway(behind: readonly Behind[], broker: TestBroker) {
  const folder = tempDir();
  const file = join(folder, 'agent.toml');
  const tables = behind.map(
    ({ name, sshd: { address, port, user, keyFile, knownHostsFile } }) =>
      `[[remote]]\nname = "${name}"\naddress = "${address}"\nport = ${port}\nuser = "${user}"\nkey = "${keyFile}"\nknown_hosts = "${knownHostsFile}"\ntiers = ["fast"]\ncollectors = ["cpu", "mem", "system", "kernel"]\n`,
  );
  const intervals = `[intervals]\nfast_seconds = ${POLL_MS / 1000}\n`;
  writeFileSync(file, `server_url = "${broker.url}"\ntoken = "t"\nhost_id = "gw"\n${intervals}${tables.join('')}`);
  const config = await loadConfig(file, {}, { connect: true, mustExist: true });
  const log: string[] = [];
  const logger = createLogger({ name: 'test', pretty: false, destination: { write: (line: string) => void log.push(line) } });
  const spoolFolder = join(folder, 'spool');
  const agents = await startRemoteAgents({
    config,
    connection: { url: broker.url, token: 't' },
    gateway: 'gw',
    spoolFolder,
    logger,
    agent: { timing: { minDelayMs: 50, maxDelayMs: 200 } },
  });
  onTestFinished(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
  });
  const statuses = (name: string) => broker.on(topics.status(name)).map(({ payload, at }) => ({ text: payload.toString(), at }));
  const samples = (name: string) =>
    broker.on(topics.sample(name, 'fast')).map(({ payload, at }) => ({ sample: decodeJson(payload) as Sample, at }));
  return { statuses, samples, log, spoolFolder };
}

systemSuite(['sshd', 'ip'], 'a gateway', () => {
  it('polls five hosts; one that is cut off is offline within two polls, the others undisturbed, and is back within one', async ({
    skip,
  }) => {
    const behind = await hostsBehind(5);
    if (behind === null) return skip('no network namespaces here');
    const broker = await TestBroker.start();
    const { statuses, samples, log, spoolFolder } = await startGateway(behind, broker);
    const names = behind.map(({ name }) => name);
    await waitFor(() => names.every((name) => samples(name).length >= 2), { what: 'two samples of each' });
    const lost = behind[2];
    if (lost === undefined) throw new Error('no third host');
    // A first look that took too long on a busy machine is put right by the next tick.
    const info = await waitFor(() => {
      const told = decodeJson(broker.on(topics.info(lost.name)).at(-1)?.payload ?? Buffer.alloc(0)) as HostInfo;
      return told.capabilities['cpu']?.available === true ? told : null;
    });
    expect(info).toMatchObject({ user: lost.sshd.user, arch: process.arch, capabilities: { cpu: { available: true } } });

    const cutAt = performance.now();
    lost.network.cut();
    await waitFor(() => statuses(lost.name).at(-1)?.text === 'offline', { what: 'it to be offline' });
    expect((statuses(lost.name).at(-1)?.at ?? 0) - cutAt).toBeLessThan(2 * POLL_MS);
    const silence = performance.now();
    await waitFor(() => names.every((name) => name === lost.name || samples(name).filter(({ at }) => at > silence).length >= 2));
    expect(samples(lost.name).filter(({ at }) => at > silence)).toEqual([]);
    for (const name of names.filter((each) => each !== lost.name)) {
      expect(statuses(name).map(({ text }) => text)).toEqual(['online']);
      const times = samples(name).map(({ sample }) => sample.time);
      const gaps = times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
      for (const gap of gaps) expect(Math.abs(gap - POLL_MS)).toBeLessThan(POLL_MS / 4);
    }

    const mendedAt = performance.now();
    lost.network.mend();
    await waitFor(() => samples(lost.name).some(({ at }) => at > mendedAt), { what: 'it to be back' });
    const back = samples(lost.name).find(({ at }) => at > mendedAt);
    expect((back?.at ?? 0) - mendedAt).toBeLessThan(POLL_MS + 1_500);
    expect(statuses(lost.name).map(({ text }) => text)).toEqual(['online', 'offline', 'online']);
    // That it was gone is no fault of its collectors.
    for (const name of names) expect(samples(name).flatMap(({ sample }) => sample.errors ?? [])).toEqual([]);
    expect(log.filter((line) => line.includes('is offline:'))).toHaveLength(1);
    for (const name of names) expect(existsSync(join(spoolFolder, 'remote', name))).toBe(true);
  });
});
