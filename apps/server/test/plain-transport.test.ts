import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../src/config/load-config.ts';
import { silent, testServer } from '../src/server.testkit.ts';
import { DATABASE, startServer } from '../src/server.ts';

const NAMESPACE = `hwtls${process.pid}`;
/** Of this test's network alone (RFC 2544 section 19). */
const OURS = '198.18.77.1';
const THEIRS = '198.18.77.2';

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** A namespace that reaches this one by a pair of virtual interfaces; false where none can be made. */
function makeNetwork(): boolean {
  if (process.getuid?.() !== 0 || spawnSync('ip', ['netns', 'add', NAMESPACE]).status !== 0) return false;
  ip('link', 'add', `${NAMESPACE}a`, 'type', 'veth', 'peer', 'name', 'peer', 'netns', NAMESPACE);
  ip('addr', 'add', `${OURS}/24`, 'dev', `${NAMESPACE}a`);
  ip('link', 'set', `${NAMESPACE}a`, 'up');
  ip('-n', NAMESPACE, 'addr', 'add', `${THEIRS}/24`, 'dev', 'peer');
  ip('-n', NAMESPACE, 'link', 'set', 'peer', 'up');
  return true;
}

/** Another machine, as far as the server can see. */
const there = (...command: readonly string[]) => run('ip', 'netns', 'exec', NAMESPACE, ...command);
const here = async (...command: readonly string[]) => (await run(...command)).text;

function run(...[command = '', ...args]: readonly string[]): Promise<{ code: number | null; text: string }> {
  return new Promise((done) => {
    const child = execFile(command, args, { timeout: 20_000 }, (_error, out, err) => done({ code: child.exitCode, text: out + err }));
  });
}

const curl = async (...args: readonly string[]) => (await there('curl', '-sS', '-m', '10', '-i', ...args)).text;

systemSuite(['ip', 'curl', 'mosquitto_pub'], 'without TLS', () => {
  let isMade = false;
  beforeAll(() => {
    isMade = makeNetwork();
    if (!isMade) process.stderr.write('skipped: transport without TLS, network namespaces cannot be made here\n');
  });
  afterAll(() => {
    if (isMade) ip('netns', 'del', NAMESPACE);
  });

  it('another machine gets a redirect or a sentence on HTTP, and no MQTT; with TLS it gets all', async (context) => {
    if (!isMade) return context.skip();
    const dataDir = tempDir();
    const test = await testServer({ dataDir, listen: '0.0.0.0', metricsPort: 0 });
    const { http, mqtt, mqtts, influx, metrics } = test.server.ports;
    const ca = join(dataDir, 'tls', 'ca.pem');
    expect(await curl(`http://${OURS}:${http}/hosts/pi-04?tab=disks`)).toMatch(
      new RegExp(`^HTTP/1.1 308 [\\s\\S]*location: https://${OURS}:${http}/hosts/pi-04\\?tab=disks\r\n`, 'i'),
    );
    for (const path of ['/api/hosts', '/ws', '/mqtt']) {
      expect(await curl(`http://${OURS}:${http}${path}`), path).toMatch(/^HTTP\/1.1 426 [\s\S]*"code":"tls-needed"[\s\S]*use https:/);
    }
    expect(await curl('-X', 'POST', '-d', '{}', `http://${OURS}:${http}/`)).toMatch(/^HTTP\/1.1 426 /);
    const upgrade = [
      '-H',
      'Connection: Upgrade',
      '-H',
      'Upgrade: websocket',
      '-H',
      'Sec-WebSocket-Version: 13',
      '-H',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    expect(await curl(...upgrade, `http://${OURS}:${http}/mqtt`)).toMatch(/^HTTP\/1.1 426 /);
    const told = await curl('-H', 'Authorization: Bearer hwt_x', `http://${OURS}:${influx}/query?q=SHOW+DATABASES`);
    expect(told).toMatch(/^HTTP\/1.1 426 [\s\S]*has crossed the network in clear: replace it with a new token/);
    expect(await curl(`http://${OURS}:${metrics}/metrics`)).toMatch(/^HTTP\/1.1 426 /);

    const trust = ['--cacert', ca];
    expect(await curl(...trust, `https://${OURS}:${http}/health`)).toMatch(/^HTTP\/1.1 200 [\s\S]*"degraded":\[\]/);
    expect(await curl(...trust, `https://${OURS}:${influx}/ping`)).toMatch(/^HTTP\/1.1 204 /);
    expect(await curl(...trust, `https://${OURS}:${metrics}/health`)).toMatch(/^HTTP\/1.1 200 /);
    expect((await test.get('/health')).status).toBe(200);

    const { code } = await test.server.registry.logins.createLink(60_000);
    const login = ['-H', 'Content-Type: application/json', '-d', JSON.stringify({ code }), `https://${OURS}:${http}/api/login`];
    expect(await curl(...trust, ...login)).toMatch(
      /^HTTP\/1.1 204 [\s\S]*set-cookie: hostwire_session=[^;]+;.* HttpOnly; Secure; SameSite=Strict/i,
    );
    // A body of many packets comes whole behind the byte that was looked at, with TLS and without.
    const lines = join(dataDir, 'lines');
    writeFileSync(
      lines,
      Array.from({ length: 20_000 }, (_, index) => `t,n=${index % 10} v=${index} ${(index + 1) * 1_000_000_000}`).join('\n'),
    );
    const { token: writer } = await test.server.registry.tokens.add('writer', ['series:write']);
    for (const to of [`https://${OURS}:${influx}`, `http://127.0.0.1:${influx}`]) {
      const write = ['-H', `Authorization: Token ${writer}`, '--data-binary', `@${lines}`, `${to}/write?db=hostwire`];
      expect(to.startsWith('https') ? await curl(...trust, ...write) : await here('curl', '-sS', '-i', ...write)).toMatch(/HTTP\/1.1 204 /);
    }

    const { token } = await test.server.registry.hosts.add('pi-04');
    await waitFor(() => test.server.live.get('pi-04'));
    const pub = [
      'mosquitto_pub',
      '-h',
      OURS,
      '-i',
      'pi-04',
      '-u',
      'pi-04',
      '-P',
      token,
      '-t',
      'hostwire/v1/pi-04/status',
      '-m',
      'online',
      '-q',
      '1',
    ];
    expect((await there(...pub, '-p', String(mqtt))).text).toMatch(/refused/i);
    expect((await there(...pub, '-p', String(mqtts))).code).not.toBe(0);
    expect(await there(...pub, '-p', String(mqtts), '--cafile', ca)).toEqual({ code: 0, text: '' });
    await waitFor(() => test.server.live.get('pi-04')?.state === 'online');
    const counted = (await (await test.get('/metrics', await test.bearer('api:read'))).text())
      .split('\n')
      .filter((line) => /refused/.test(line));
    expect(counted).toContainEqual(expect.stringMatching(/^hostwire_tls_plain_refused(_total)?\{port="http"\} 6$/));
    expect(counted).toContainEqual(expect.stringMatching(/^hostwire_broker_refused_total\{reason="tls"\} [1-9]/));
  });

  it('is for all where that is allowed, with a warning that stays', async (context) => {
    if (!isMade) return context.skip();
    const test = await testServer({ dataDir: tempDir(), listen: '0.0.0.0', allowPlain: true });
    const { http, mqtt } = test.server.ports;
    const health = await curl(`http://${OURS}:${http}/health`);
    expect(health).toMatch(/^HTTP\/1.1 200 [\s\S]*"degraded":\["plain-transport"\]/);
    expect(await curl('-k', `https://${OURS}:${http}/health`)).toMatch(/^HTTP\/1.1 200 /);
    const { token } = await test.server.registry.hosts.add('pi-04');
    const pub = ['mosquitto_pub', '-h', OURS, '-p', String(mqtt), '-i', 'pi-04', '-u', 'pi-04', '-P', token];
    expect(await there(...pub, '-t', 'hostwire/v1/pi-04/status', '-m', 'online', '-q', '1')).toEqual({ code: 0, text: '' });
    const config = (await (await test.get('/api/config', await test.bearer('api:read'))).json()) as { warnings: object[]; tls: object };
    expect(config.warnings).toEqual([{ code: 'plain-transport', message: expect.stringContaining('cross the network in clear') }]);
    expect(config.tls).toMatchObject({ enabled: true, own_ca: true, ca_fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  });

  it('is allowed on one address too, where the processes of this machine find MQTT then', async (context) => {
    if (!isMade) return context.skip();
    const dataDir = tempDir();
    await testServer({ dataDir, listen: OURS, allowPlain: true, roles: 'broker,ingest' });
    const config = loadConfig({ dataDir, listen: OURS, roles: 'api', port: 0, influxPort: 0 }, {});
    const beside = await startServer({ config, logger: silent });
    onTestFinished(() => beside.close());
    await waitFor(() => !beside.degraded().includes('broker'), { what: 'the connection to the broker' });
  });

  it('on one address of another interface the loopback serves this machine all the same', async (context) => {
    if (!isMade) return context.skip();
    const dataDir = tempDir();
    const test = await testServer({ dataDir, listen: OURS });
    const { http, influx } = test.server.ports;
    expect((await test.get('/health')).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${influx}/ping`)).status).toBe(204);
    expect(await curl('--cacert', join(dataDir, 'tls', 'ca.pem'), `https://${OURS}:${http}/health`)).toMatch(/^HTTP\/1.1 200 /);
    expect(test.server.reach()).toMatchObject({ httpUrl: `https://${OURS}:${http}`, loopbackOnly: false });
    // The server's other processes find their way over the loopback.
    const config = loadConfig({ dataDir, listen: OURS, roles: 'api', port: 0, mqttPort: 0, mqttsPort: 0, influxPort: 0 }, {});
    const beside = await startServer({ config, logger: silent });
    try {
      const host = await test.host('pi-04');
      await host.send({ mem: [{ fields: { used_percent: 41.2 } }] });
      await waitFor(() => beside.live.get('pi-04')?.lastSampleAt, { what: 'a sample at the process beside' });
      expect(await beside.store.query('SELECT used_percent FROM mem', { database: DATABASE })).not.toEqual([]);
    } finally {
      await beside.close();
    }
  });
});

describe('on every interface, IPv6 too', () => {
  it.skipIf(networkInterfaces()['lo']?.some(({ address }) => address === '::1') !== true)(
    'this machine is known by each of its loopback addresses',
    async () => {
      const test = await testServer({ listen: '::' });
      for (const host of ['127.0.0.1', '[::1]']) {
        expect((await fetch(`http://${host}:${test.server.ports.http}/health`)).status).toBe(200);
      }
      await (await test.host('pi-04')).status('online');
    },
  );
});

describe('on the loopback', () => {
  it('nothing is encrypted, no certificate is made, and nothing is warned of', async () => {
    const test = await testServer();
    expect(test.server.ports.mqtts).toBeNull();
    expect(test.server.reach()).toEqual({
      ...{ httpUrl: test.url, mqttUrl: `mqtt://127.0.0.1:${test.server.ports.mqtt}`, topicRoot: 'hostwire' },
      ...{ pin: null, caPem: null, caFingerprint: null, loopbackOnly: true },
    });
    expect(test.server.warnings()).toEqual([]);
  });
});
