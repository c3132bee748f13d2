import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { findCommand, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { Aedes } from 'aedes';
import { expect, it, onTestFinished } from 'vitest';
import { connectMqtt } from './mqtt-client.ts';

systemSuite(['openssl'], 'connectMqtt over TLS', () => {
  it('trusts the CA that it is given, and says when it cannot trust', async () => {
    const folder = tempDir();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync(findCommand('openssl') ?? '', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-days', '2', ...names], {
      stdio: 'ignore',
    });
    const aedes = await Aedes.createBroker();
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
      aedes.handle(socket);
    });
    server.on('tlsClientError', () => {});
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const warnings: string[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (_fields: object, message: string) => void warnings.push(message) };
    const options = { url: `mqtts://127.0.0.1:${port}`, clientId: 'pve1', logger, minDelayMs: 60_000 };
    const trusting = connectMqtt({ ...options, tls: { ca: readFileSync(cert, 'utf8') } });
    onTestFinished(async () => {
      await trusting.close();
      await new Promise<void>((done) => aedes.close(done));
      server.close();
    });
    await waitFor(() => trusting.connected);
    await trusting.publish('a', 'x', { qos: 1 });
    expect(warnings).toEqual([]);
    const doubting = connectMqtt({ ...options, clientId: 'pve2' });
    await waitFor(() => warnings.length === 1);
    expect(warnings[0]).toMatch(/is of no CA that is trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    await doubting.close();
  });
});
