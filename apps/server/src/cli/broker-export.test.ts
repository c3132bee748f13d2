import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { topics as topicsOf } from '@hostwire/model';
import { openRegistry, type Registry } from '@hostwire/registry';
import { freePort, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt, type MqttClient, type MqttClientOptions } from '@hostwire/transport';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { silent } from '../server.testkit.ts';
import { runCommandLine } from './command-line.ts';

const topics = topicsOf();

interface Rig {
  readonly registry: Registry;
  readonly dir: string;
  readonly out: string;
  readonly port: number;
  run(...args: string[]): Promise<{ code: number; text: string }>;
  export(): Promise<{ code: number; text: string }>;
}

async function rig(): Promise<Rig> {
  const dir = tempDir();
  const out = join(dir, 'broker');
  const port = await freePort();
  const registry = await openRegistry({ file: join(dir, 'registry.db') });
  onTestFinished(() => registry.close());
  vi.stubEnv('HOSTWIRE_BROKER_USERNAME', 'hostwire-server');
  vi.stubEnv('HOSTWIRE_BROKER_PASSWORD', 'the-servers-own');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const run = async (...args: string[]): Promise<{ code: number; text: string }> => {
    let text = '';
    const written = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockImplementation((chunk) => {
        text += String(chunk);
        return true;
      }),
    );
    try {
      const code = await runCommandLine(['node', 'hostwire', ...args, '--data-dir', dir]);
      return { code, text };
    } finally {
      for (const spy of written) spy.mockRestore();
    }
  };
  const exporting = ['broker', 'export', '--format', 'mosquitto', '--out', out, '--broker-url', `mqtt://127.0.0.1:${port}`];
  return { registry, dir, out, port, run, export: () => run(...exporting) };
}

describe('hostwire broker export', () => {
  it('says what is missing', async () => {
    const { run, registry } = await rig();
    const url = ['--broker-url', 'mqtt://127.0.0.1'];
    expect(await run('broker', 'import')).toMatchObject({ code: 2, text: expect.stringContaining('broker export') });
    expect(await run('broker', 'export')).toMatchObject({ code: 2, text: expect.stringContaining('mosquitto or emqx') });
    vi.stubEnv('HOSTWIRE_BROKER_PASSWORD', '');
    expect(await run('broker', 'export', '--format', 'mosquitto', ...url)).toMatchObject({
      code: 2,
      text: expect.stringContaining('broker.password'),
    });
    vi.stubEnv('HOSTWIRE_BROKER_PASSWORD', 'x');
    expect(await run('broker', 'export', '--format', 'emqx', ...url)).toMatchObject({
      code: 2,
      text: expect.stringContaining('auth_secret'),
    });
    await registry.tokens.add('grafana', ['mqtt:read']);
    vi.stubEnv('HOSTWIRE_BROKER_USERNAME', 'grafana');
    expect(await run('broker', 'export', '--format', 'mosquitto', ...url)).toMatchObject({
      code: 2,
      text: expect.stringContaining('choose another'),
    });
  });

  it('writes files for their owner alone, without a password in clear, and leaves them where nothing changed', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const { token: reader } = await made.registry.tokens.add('grafana', ['mqtt:read']);
    await made.registry.tokens.add('api', ['api:read']);
    await made.registry.tokens.add('gone', ['mqtt:read'], 1);
    expect((await made.export()).code).toBe(0);
    const read = (): string[] => readdirSync(made.out).map((name) => readFileSync(join(made.out, name), 'utf8'));
    const before = read();
    expect(readdirSync(made.out)).toEqual(['acl', 'hostwire.conf', 'passwords']);
    for (const name of readdirSync(made.out)) expect(statSync(join(made.out, name)).mode & 0o777).toBe(0o600);
    for (const secret of [token, reader, 'the-servers-own']) expect(before.join()).not.toContain(secret);
    const users = readFileSync(join(made.out, 'passwords'), 'utf8').trim().split('\n');
    expect(users.map((line) => line.split(':$7$101$')[0])).toEqual(['hostwire-server', 'grafana', 'pve1']);
    expect((await made.export()).text).toContain('nothing changed');
    expect(read()).toEqual(before);
  });

  it('writes for EMQX where to ask, with the secret by which it shows itself', async () => {
    const { run, out } = await rig();
    vi.stubEnv('HOSTWIRE_BROKER_AUTH_SECRET', 'sixteen-letters-and-"more\\');
    const args = ['broker', 'export', '--format', 'emqx', '--out', out, '--broker-url', 'mqtt://emqx:1883', '--api-url'];
    expect(await run(...args, 'ftp://x')).toMatchObject({ code: 2 });
    expect((await run(...args, 'http://hostwire:8080/')).code).toBe(0);
    const conf = readFileSync(join(out, 'hostwire.conf'), 'utf8');
    expect(statSync(join(out, 'hostwire.conf')).mode & 0o777).toBe(0o600);
    for (const part of [
      'url = "http://hostwire:8080/mqtt/auth"',
      'url = "http://hostwire:8080/mqtt/acl"',
      '"x-hostwire-broker-secret" = "sixteen-letters-and-\\"more\\\\"',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is EMQX's
      'password = "${password}"',
      'no_match = deny',
      `path = "${join(out, 'hostwire-acl.conf')}"`,
    ])
      expect(conf).toContain(part);
    expect(conf).not.toContain('ssl {');
    expect((await run(...args, 'https://hostwire:8080')).code).toBe(0);
    expect(readFileSync(join(out, 'hostwire.conf'), 'utf8')).toMatch(/ssl \{\s+enable = true\s+verify = verify_peer\s+\}/);
    expect(readFileSync(join(out, 'hostwire-acl.conf'), 'utf8')).toContain(
      '{allow, {user, "hostwire-server"}, all, ["hostwire/#", "homeassistant/#"]}.',
    );
  });
});

systemSuite(['mosquitto'], 'Mosquitto with the exported files', () => {
  /** Mosquitto as its own user where the tests are root's, as Debian's service runs it. */
  async function broker(made: Rig) {
    mkdirSync(made.out);
    if (process.getuid?.() === 0) {
      const id = (which: '-u' | '-g'): number => Number(execFileSync('id', [which, 'mosquitto'], { encoding: 'utf8' }));
      chmodSync(made.dir, 0o755);
      chownSync(made.out, id('-u'), id('-g'));
    }
    expect((await made.export()).code).toBe(0);
    const daemon = await startMosquitto({
      port: made.port,
      config: `persistence_location ${made.out}/\ninclude_dir ${made.out}\n`,
    });
    onTestFinished(() => daemon.stop());
    const client = (username: string, password: string, options: Partial<MqttClientOptions> = {}): MqttClient => {
      const connection = connectMqtt({
        url: `mqtt://127.0.0.1:${made.port}`,
        clientId: username,
        username,
        password,
        logger: silent,
        minDelayMs: 50,
        maxDelayMs: 200,
        ...options,
      });
      onTestFinished(() => connection.close());
      return connection;
    };
    const connect = async (username: string, password: string, options: Partial<MqttClientOptions> = {}): Promise<MqttClient> => {
      const connection = client(username, password, options);
      await waitFor(() => connection.connected, { what: `${username} to connect` });
      return connection;
    };
    const reload = async (): Promise<void> => {
      expect((await made.export()).code).toBe(0);
      process.kill(daemon.pid, 'SIGHUP');
    };
    return { client, connect, reload };
  }

  const heardBy = async (client: MqttClient, filter: string): Promise<string[]> => {
    const heard: string[] = [];
    await client.subscribe(filter, ({ topic }) => {
      heard.push(topic);
    });
    return heard;
  };

  it('lets each in with the own token, to what the embedded broker would', async () => {
    const made = await rig();
    const { registry } = made;
    const { token: pve1 } = await registry.hosts.add('pve1');
    const { token: pve2 } = await registry.hosts.add('pve-2.lan');
    const { token: reader } = await registry.tokens.add('grafana', ['mqtt:read']);
    const { token: button } = await registry.tokens.add('button', ['operate']);
    const { client, connect } = await broker(made);
    const server = await connect('hostwire-server', 'the-servers-own', { clientId: 'hostwire-alerts-x' });
    const all = await heardBy(server, 'hostwire/#');
    const one = await connect('pve1', pve1, { will: { topic: topics.status('pve1'), payload: 'offline', qos: 1, retain: true } });
    const two = await connect('pve-2.lan', pve2);
    const grafana = await connect('grafana', reader);
    const read = await heardBy(grafana, 'hostwire/#');
    const presser = await connect('button', button);
    const wrong = client('pve1', pve2, { clientId: 'wrong' });
    const unknown = client('nobody', pve1);

    const own = [topics.sample('pve1', 'fast'), topics.status('pve1'), topics.info('pve1'), 'hostwire/v1/pve1/inventory/packages'];
    for (const topic of own) await one.publish(topic, 'x', { qos: 1 });
    await two.publish(topics.sample('pve-2.lan', 'slow'), 'x', { qos: 1 });
    await presser.publish('hostwire/v1/pve1/press/reboot', 'x', { qos: 1 });
    for (const topic of [
      topics.sample('pve-2.lan', 'fast'),
      topics.status('pve-2.lan'),
      topics.serverStatus,
      topics.ack('pve1'),
      'hostwire/v1/pve1/sample/hourly',
      'hostwire/v1/pve1/press/reboot',
      'homeassistant/device/x/config',
      'elsewhere',
    ])
      await one.publish(topic, 'foreign', { qos: 1 });
    for (const token of [grafana, presser]) {
      for (const topic of [topics.sample('grafana', 'fast'), topics.sample('button', 'fast'), topics.sample('pve1', 'fast')])
        await token.publish(topic, 'foreign', { qos: 1 });
    }
    const expected = [...own, topics.sample('pve-2.lan', 'slow'), 'hostwire/v1/pve1/press/reboot'];
    await waitFor(() => all.length >= expected.length);
    const [mine, foreign, pressed] = [
      await heardBy(one, topics.ack('pve1')),
      await heardBy(one, 'hostwire/#'),
      await heardBy(presser, '#'),
    ];
    await server.publish(topics.ack('pve1'), 'x', { qos: 1 });
    await server.publish(topics.ack('pve-2.lan'), 'x', { qos: 1 });
    await server.publish(topics.serverStatus, 'online', { qos: 1, retain: true });
    await waitFor(() => read.length === expected.length + 3);
    expect(all.slice(0, expected.length)).toEqual(expected);
    expect(new Set(read)).toEqual(new Set(all));
    expect(mine).toEqual([topics.ack('pve1')]);
    expect(new Set(foreign)).toEqual(new Set([topics.ack('pve1'), topics.serverStatus]));
    expect(new Set(pressed)).toEqual(new Set([topics.serverStatus]));
    expect([wrong.connected, unknown.connected]).toEqual([false, false]);
  });

  it('shares samples among the workers of a group, and drops a host that was removed when it reloads', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    const { client, connect, reload } = await broker(made);
    const workers = await Promise.all(
      ['a', 'b'].map((name) => connect('hostwire-server', 'the-servers-own', { clientId: `hostwire-ingest-${name}` })),
    );
    const heard = await Promise.all(workers.map((worker) => heardBy(worker, '$share/ingest/hostwire/v1/+/sample/+')));
    const host = await connect('pve1', token);
    for (let i = 0; i < 20; i++) await host.publish(topics.sample('pve1', 'fast'), String(i), { qos: 1 });
    await waitFor(() => heard.flat().length === 20);
    expect(heard.every((part) => part.length > 0)).toBe(true);

    const { token: late } = await made.registry.hosts.add('pve3');
    await made.registry.hosts.remove('pve1');
    await reload();
    await waitFor(() => !host.connected);
    await connect('pve3', late);
    const again = client('pve1', token, { clientId: 'again' });
    await new Promise((done) => setTimeout(done, 500));
    expect([again.connected, host.connected]).toEqual([false, false]);
    expect(workers.every((worker) => worker.connected)).toBe(true);
  });
});
