import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { byHand } from './by-hand.ts';
import { agentLog, copyAgent, type FleetServer, installServer } from './fleet-server.ts';
import type { Machine } from './machine.ts';
import { type Network, startNetwork } from './network.ts';
import { debianTree, packages } from './packages.ts';

/** What useradd keeps of the files it changed, which is not ours to remove. */
const BACKUPS = new Set(['passwd-', 'shadow-', 'group-', 'gshadow-', 'subuid-', 'subgid-'].map((name) => `/etc/${name}`));

await byHand('hosts without Node.js, from the archives alone', () => {
  let network: Network;
  let archives: Awaited<ReturnType<typeof packages>>;
  let server: FleetServer;
  let [host, other] = [] as unknown as [Machine, Machine];
  let before: string[] = [];

  beforeAll(async () => {
    archives = await packages();
    network = await startNetwork(await debianTree());
    server = await installServer(await network.add('server'), archives);
    host = await network.add('pi-04');
    other = await network.add('stranger');
    await copyAgent(host, archives);
    await copyAgent(other, archives);
    before = await host.files();
  }, 900_000);
  afterAll(() => network?.close(), 60_000);

  it('shows the values of a host within 60 s of the printed command', { timeout: 120_000 }, async () => {
    expect((await host.sh('command -v node')).code).not.toBe(0);
    const command = await server.enrol('pi-04');
    const from = Date.now();
    const { code, text } = await host.sh(command);
    expect(text).toContain('The agent is connected to the broker.');
    expect(text).toContain('There is no service manager here, so it will not start at boot by itself');
    expect(code).toBe(0);
    const shown = await waitFor(
      async () => (await server.hosts(other)).find(({ host: id, state, cpu }) => id === 'pi-04' && state === 'online' && cpu !== null),
      {
        timeout: 60_000,
        interval: 500,
        what: 'values of pi-04',
      },
    );
    const seconds = (Date.now() - from) / 1000;
    process.stderr.write(`pi-04: ${shown.cpu} % CPU on the dashboard ${seconds.toFixed(1)} s after its command was printed\n`);
    expect(seconds).toBeLessThan(60);
    expect((await host.must('stat -c "%a %U" /etc/hostwire/agent.toml')).trim()).toBe('600 hostwire-agent');
    expect(await host.must('grep ^server_url /etc/hostwire/agent.toml')).toContain(`mqtts://${server.machine.address}:8883`);
  });

  it('does the same again without a change', { timeout: 120_000 }, async () => {
    const files = await host.files();
    const config = await host.must('cat /etc/hostwire/agent.toml');
    expect((await host.must(await server.enrol('pi-04'))).length).toBeGreaterThan(0);
    const isRolling = (name: string): boolean => name.startsWith('/var/lib/hostwire-agent/spool');
    expect((await host.files()).filter((name) => !isRolling(name))).toEqual(files.filter((name) => !isRolling(name)));
    expect(await host.must('cat /etc/hostwire/agent.toml')).not.toBe(config);
  });

  it('refuses a wrong code, one that is over, and one that is used, and leaves nothing behind', { timeout: 120_000 }, async () => {
    const files = (await other.files()).filter((name) => !BACKUPS.has(name));
    const good = await server.enrol('stranger');
    const used = await server.enrol('pi-04');
    await host.must(used);
    const over = await server.enrol('late --expires 1m');
    const cases: [command: string, sentence: RegExp][] = [
      [good.replace(/--code \S+/, '--code 0000-0000-0000'), /code/],
      [used, /used/],
    ];
    for (const [command, sentence] of cases) {
      const { code, text } = await other.sh(command);
      process.stderr.write(`${text.trim()}\n`);
      expect(text).toMatch(sentence);
      expect(code).toBe(3);
      expect((await other.files()).filter((name) => !BACKUPS.has(name))).toEqual(files);
    }
    await sleep(61_000);
    const { code, text } = await other.sh(over);
    process.stderr.write(`${text.trim()}\n`);
    expect(text).toMatch(/expired|over/);
    expect(code).toBe(3);
  });

  it('sends nothing to a server with another key', { timeout: 60_000 }, async () => {
    const command = (await server.enrol('stranger')).replace(/sha256\/\/[^' ]+/, 'sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
    const { code, text } = await other.sh(command);
    process.stderr.write(`${text.trim()}\n`);
    expect(text).toContain('is not the server that the pin names');
    expect(code).toBe(4);
  });

  it('does not connect by another CA, and says so', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hostwire-ca-'));
    const [key, certificate] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, '-subj', '/CN=other', '-days', '2'], {
      stdio: 'ignore',
    });
    await host.must('cp -p /etc/hostwire/ca.pem /etc/hostwire/ca.right; cp -p /etc/hostwire/agent.toml /etc/hostwire/agent.right');
    host.copy(certificate, '/etc/hostwire/ca.pem');
    rmSync(folder, { recursive: true });
    const restart = 'sh /opt/hostwire-agent/current/share/service.sh restart';
    await host.sh(`truncate -s 0 /var/log/hostwire-agent.log; ${restart}`);
    const { text } = await host.sh('cat /var/log/hostwire-agent.log');
    process.stderr.write(`${text.trim()}\n`);
    expect(text).toMatch(/ca_fingerprint/);
    await host.must('sed -i /^ca_fingerprint/d /etc/hostwire/agent.toml');
    await host.sh(`truncate -s 0 /var/log/hostwire-agent.log; ${restart}`);
    const sentence = await waitFor(async () => /cannot connect to the broker: .*/.exec(await agentLog(host))?.[0], { what: 'a refusal' });
    process.stderr.write(`${sentence}\n`);
    expect(sentence).toMatch(/CA/);
    await host.must(`mv /etc/hostwire/ca.right /etc/hostwire/ca.pem; mv /etc/hostwire/agent.right /etc/hostwire/agent.toml; ${restart}`);
    await waitFor(async () => (await agentLog(host)).includes('connected to the broker'), { what: 'the connection with the right CA' });
  });

  it('closes the connection of a revoked token within 2 s, and the agent says what to do', { timeout: 60_000 }, async () => {
    await waitFor(async () => (await server.hosts(other)).some(({ host: id, state }) => id === 'pi-04' && state === 'online'));
    await host.must('truncate -s 0 /var/log/hostwire-agent.log');
    await server.hostwire('host rotate pi-04');
    const from = Date.now();
    await waitFor(async () => (await agentLog(host)).includes('lost the connection'), { interval: 50, what: 'the end of the connection' });
    const seconds = (Date.now() - from) / 1000;
    const sentence = await waitFor(async () => /cannot connect to the broker: .*/.exec(await agentLog(host))?.[0], { what: 'the refusal' });
    process.stderr.write(`the connection ended ${seconds.toFixed(1)} s after the token was rotated; then: ${sentence}\n`);
    expect(seconds).toBeLessThan(2.5);
    expect(sentence).toContain('refused the credentials');
  });

  it('leaves nothing but configuration and data when it is uninstalled, and with --purge nothing', { timeout: 60_000 }, async () => {
    const left = async (): Promise<string[]> => (await host.files()).filter((name) => !before.includes(name) && !BACKUPS.has(name));
    const text = await host.must('sh /opt/hostwire-agent/current/install.sh --uninstall');
    expect(text).toContain('Kept: /etc/hostwire/agent.toml, /var/lib/hostwire-agent');
    expect((await left()).filter((name) => !name.startsWith('/var/lib/hostwire-agent/spool'))).toEqual([
      '/etc/hostwire',
      '/etc/hostwire/agent.toml',
      '/etc/hostwire/ca.pem',
      '/var/lib/hostwire-agent',
    ]);
    expect((await host.sh('cat /proc/[0-9]*/comm')).text).not.toMatch(/node|MainThread/);
    await host.must('sh /root/package/*/install.sh --uninstall --purge');
    expect(await left()).toEqual([]);
    expect((await host.sh('id hostwire-agent')).code).toBe(1);
  });
});
