import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueClientCertificate } from '@hostwire/certificates';
import { tempDir, waitFor } from '@hostwire/testkit';
import { type ClientTls, connectMqtt, type MqttClient, tryConnection } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommandLine } from '../src/cli/command-line.ts';
import { silent, type TestServer, testServer } from '../src/server.testkit.ts';

interface As {
  readonly name?: string;
  readonly password?: string;
  readonly tls?: ClientTls;
  readonly url?: string;
}

interface Rig {
  readonly server: TestServer;
  readonly dataDir: string;
  readonly token: string;
  connect(as?: As): MqttClient;
  /** `in`, or why not. */
  knock(as?: As): Promise<string>;
}

async function open(clientCertificates: 'accept' | 'require'): Promise<Rig> {
  const dataDir = tempDir();
  const config = join(dataDir, 'hostwire.toml');
  writeFileSync(config, `[tls]\nclient_certificates = "${clientCertificates}"\n`);
  const server = await testServer({ dataDir, config, listen: '0.0.0.0' });
  const { token } = await server.server.registry.hosts.add('pi-04');
  const ca = readFileSync(join(dataDir, 'tls', 'ca.pem'), 'utf8');
  const credentials = ({ name = 'pi-04', password, tls, url }: As) => ({
    url: url ?? `mqtts://localhost:${server.server.ports.mqtts}`,
    clientId: name,
    username: name,
    ...(password === undefined ? {} : { password }),
    tls: { ca, ...tls },
  });
  return {
    server,
    dataDir,
    token,
    connect(as = {}) {
      const client = connectMqtt({ ...credentials(as), logger: silent, minDelayMs: 60_000, maxDelayMs: 60_000 });
      onTestFinished(() => client.close());
      return client;
    },
    knock: async (as = {}) => (await tryConnection(credentials(as)))?.kind ?? 'in',
  };
}

describe('a client certificate', () => {
  it('lets its host in without a token, and nobody else, until the host is rotated', async () => {
    const { server, dataDir, token, connect, knock } = await open('accept');
    const out = join(tempDir(), 'new');
    expect(await runCommandLine(['node', 'hostwire', 'host', 'certificate', 'pi-04', '--out', out, '--data-dir', dataDir])).toBe(0);
    expect(statSync(join(out, 'pi-04.key')).mode & 0o777).toBe(0o600);
    const tls = { cert: readFileSync(join(out, 'pi-04.pem'), 'utf8'), key: readFileSync(join(out, 'pi-04.key'), 'utf8') };
    const { certificates } = server.server.registry;
    const [{ serial = '' } = {}] = await certificates.list();
    await waitFor(() => certificates.hostOf(serial));
    const client = connect({ tls });
    await waitFor(() => client.connected, { what: 'the host by its certificate' });
    expect(await knock({ password: token })).toBe('in');
    expect(await knock({ password: token, tls })).toBe('in');
    expect(await knock({ password: 'wrong', tls })).toBe('auth');
    expect(await knock()).toBe('auth');
    const wss = `wss://localhost:${server.server.ports.http}/mqtt`;
    expect(await knock({ tls, url: wss })).toBe('in');
    const { token: other } = await server.server.registry.hosts.add('pi-05');
    expect(await knock({ name: 'pi-05', password: other, tls })).toBe('auth');
    const standing = connect({ tls });
    await waitFor(() => standing.connected);
    let lostAfter = 0;
    const rotated = Date.now();
    standing.onDisconnect(() => {
      lostAfter = Date.now() - rotated;
    });
    const { token: fresh } = await server.server.registry.hosts.rotate('pi-04');
    await waitFor(() => lostAfter > 0);
    expect(lostAfter).toBeLessThan(2000);
    expect(await knock({ tls })).toBe('auth');
    expect(await knock({ password: fresh, tls })).toBe('auth');
    expect(await knock({ password: fresh })).toBe('in');
  });

  it('is needed by hosts where it is required, and may be no forged, ended or unknown one', async () => {
    const { server, dataDir, token, knock } = await open('require');
    const folder = join(dataDir, 'tls');
    const add = async (certificate: Awaited<ReturnType<typeof issueClientCertificate>>, days = 1): Promise<ClientTls> => {
      await server.server.registry.certificates.add({
        serial: certificate.serial,
        host: 'pi-04',
        expiresAt: Date.now() + days * 86_400_000,
      });
      return { cert: certificate.cert, key: certificate.key };
    };
    const good = await add(await issueClientCertificate(folder, 'pi-04', { days: 30 }));
    expect(await knock({ password: token })).toBe('auth');
    expect(await knock({ password: token, tls: good })).toBe('in');
    const wss = `wss://localhost:${server.server.ports.http}/mqtt`;
    expect(await knock({ password: token, url: wss })).toBe('auth');
    // The agent of this machine has no need of one.
    expect(await knock({ password: token, url: `mqtt://127.0.0.1:${server.server.ports.mqtt}` })).toBe('in');
    const { token: reader } = await server.server.registry.tokens.add('reader', ['mqtt:read']);
    expect(await knock({ name: 'reader', password: reader })).toBe('in');

    const unknown = await issueClientCertificate(folder, 'pi-04', { days: 30 });
    expect(await knock({ password: token, tls: unknown })).toBe('auth');
    const ended = await add(await issueClientCertificate(folder, 'pi-04', { days: 2, now: Date.now() - 10 * 86_400_000 }));
    expect(await knock({ password: token, tls: ended })).toBe('auth');
    const forged = await add(await issueClientCertificate(join(tempDir(), 'tls'), 'pi-04', { days: 30 }));
    expect(await knock({ password: token, tls: forged })).toBe('auth');
    const misnamed = await add(await issueClientCertificate(folder, 'pi-05', { days: 30 }));
    expect(await knock({ password: token, tls: misnamed })).toBe('auth');
    const text = await (await server.get('/metrics', await server.bearer('api:read'))).text();
    expect(text).toMatch(/refused_total\{[^}]*reason="bad-certificate"[^}]*\} 4/);
    expect(text).toMatch(/refused_total\{[^}]*reason="no-certificate"[^}]*\} 2/);
  });
});
