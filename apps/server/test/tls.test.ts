import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectAsync } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { type TestServer, testServer } from '../src/server.testkit.ts';
import { connectOpenssl, knownCiphers, run } from '../src/tls/openssl.testkit.ts';

/** RFC 9325 section 4.2, for a certificate on P-256. */
const ALLOWED = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
const ANY = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0';

async function openServer(): Promise<{ server: TestServer; dataDir: string; ca: string; ports: Record<string, number> }> {
  const dataDir = tempDir();
  const server = await testServer({ dataDir, listen: '0.0.0.0', metricsPort: 0 }, { checkMs: 30_000 });
  const { http, mqtts, influx, metrics } = server.server.ports;
  return {
    server,
    dataDir,
    ca: join(dataDir, 'tls', 'ca.pem'),
    ports: { https: http ?? 0, mqtts: mqtts ?? 0, influx: influx ?? 0, metrics: metrics ?? 0 },
  };
}

systemSuite(['openssl'], 'TLS off loopback', () => {
  it('is version 1.2 or 1.3 with forward secrecy and authenticated encryption, on every port, without renegotiation', async () => {
    const { ports } = await openServer();
    const others = (await knownCiphers()).filter((name) => !ALLOWED.includes(name) && !/^ECDHE-RSA-(AES...-GCM|CHACHA20)/.test(name));
    expect(others.length).toBeGreaterThan(50);
    await Promise.all(
      Object.entries(ports).map(async ([name, port]) => {
        for (const old of ['-tls1', '-tls1_1']) {
          expect(await connectOpenssl(port, [old, '-cipher', ANY]), `${name} ${old}`).toMatchObject({ ok: false });
        }
        expect(await connectOpenssl(port, ['-tls1_3'])).toMatchObject({ ok: true, protocol: 'TLSv1.3' });
        const short = 'TLS_AES_128_CCM_8_SHA256:TLS_AES_128_CCM_SHA256';
        expect(await connectOpenssl(port, ['-tls1_3', '-ciphersuites', short]), name).toMatchObject({ ok: false });
        expect(await connectOpenssl(port, ['-tls1_2', '-cipher', `${others.join(':')}:@SECLEVEL=0`]), name).toMatchObject({ ok: false });
        for (const cipher of ALLOWED) {
          expect(await connectOpenssl(port, ['-tls1_2', '-cipher', cipher]), name).toMatchObject({ ok: true, protocol: 'TLSv1.2', cipher });
        }
        const renegotiation = await connectOpenssl(port, ['-tls1_2'], 'R\n');
        expect(renegotiation.text, name).toMatch(/:no renegotiation:/);
        expect((await connectOpenssl(port, ['-tls1_2'])).text, name).toMatch(/Compression: NONE/);
      }),
    );
    for (const weak of [
      'NULL',
      'aNULL',
      'RC4',
      '3DES',
      'kRSA',
      'kDHE',
      'PSK',
      'ECDHE+AES+SHA1',
      'ECDHE+AES+SHA256:!AESGCM',
      'ECDHE+ARIA',
    ]) {
      const tried = await connectOpenssl(ports['https'] ?? 0, ['-tls1_2', '-cipher', `${weak}:@SECLEVEL=0`]);
      expect(tried.ok, `${weak}: ${tried.cipher}`).toBe(false);
    }
  });

  it('shows a certificate of the own CA for the names and addresses of this machine, and no other', async () => {
    const { ports, ca, dataDir } = await openServer();
    const trust = ['-CAfile', ca, '-verify_return_error'];
    for (const port of Object.values(ports)) {
      for (const name of [hostname(), 'localhost']) {
        const seen = await connectOpenssl(port, [...trust, '-verify_hostname', name, '-servername', name]);
        expect(seen.text).toMatch(/Verification: OK[\s\S]*Verify return code: 0 \(ok\)/);
      }
      expect((await connectOpenssl(port, [...trust, '-verify_ip', '127.0.0.1'])).ok).toBe(true);
      expect((await connectOpenssl(port, [...trust, '-verify_hostname', 'elsewhere.example'])).ok).toBe(false);
      expect((await connectOpenssl(port, [...trust, '-verify_ip', '203.0.113.9'])).ok).toBe(false);
    }
    const other = tempDir();
    const foreign = join(other, 'foreign.pem');
    await run([
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      join(other, 'k'),
      '-out',
      foreign,
      '-subj',
      '/CN=foreign',
    ]);
    expect(await connectOpenssl(ports['https'] ?? 0, ['-CAfile', foreign, '-verify_return_error'])).toMatchObject({ ok: false });
    expect(await run(['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, join(dataDir, 'tls', 'server.pem')])).toMatch(/OK/);
    expect(await run(['x509', '-in', join(dataDir, 'tls', 'server.pem'), '-noout', '-checkend', String(390 * 86_400)])).toMatch(
      /will not expire/,
    );
    expect(await run(['x509', '-in', join(dataDir, 'tls', 'server.pem'), '-noout', '-checkend', String(397 * 86_400)])).toMatch(
      /will expire/,
    );
  });

  it('takes a new certificate while connections stand: they go on, and those that come see it', async () => {
    const { server, dataDir, ca, ports } = await openServer();
    const trusted = readFileSync(ca, 'utf8');
    const { https = 0, mqtts = 0, influx = 0 } = ports;
    const { token } = await server.server.registry.hosts.add('pi-04');
    await waitFor(() => server.server.live.get('pi-04'));
    const options = { clientId: 'pi-04', username: 'pi-04', password: token, ca: trusted, reconnectPeriod: 0 };
    const overTcp = await connectAsync(`mqtts://localhost:${mqtts}`, options);
    const { token: reader } = await server.server.registry.tokens.add('reader', ['mqtt:read', 'api:read']);
    const overWeb = await connectAsync(`wss://localhost:${https}/mqtt`, {
      ...options,
      clientId: 'web',
      username: 'reader',
      password: reader,
    });
    const page = new WebSocket(`wss://localhost:${https}/ws`, { ca: trusted, headers: { authorization: `Bearer ${reader}` } });
    const events: string[] = [];
    page.on('message', (text) => events.push(String(text)));
    await new Promise((done) => page.once('open', done));
    let lost = 0;
    for (const client of [overTcp, overWeb]) client.on('close', () => lost++);
    page.on('close', () => lost++);
    onTestFinished(async () => {
      page.terminate();
      await Promise.all([overTcp.endAsync(true), overWeb.endAsync(true)]);
    });
    const got: string[] = [];
    overWeb.on('message', (topic) => got.push(topic));
    await overWeb.subscribeAsync('hostwire/v1/+/status', { qos: 1 });
    const ends = (): unknown[] => [overTcp.stream, overWeb.stream].map((stream) => (stream as unknown as { localPort?: number }).localPort);
    const before = ends();
    const old = await Promise.all([https, mqtts, influx].map(serialAt));
    expect(new Set(old).size).toBe(1);

    rmSync(join(dataDir, 'tls', 'server.pem'));
    const fresh = await waitFor(async () => ((await serialAt(https)) === old[0] ? null : serialAt(https)), { what: 'the new certificate' });
    expect(await Promise.all([https, mqtts, influx].map(serialAt))).toEqual([fresh, fresh, fresh]);
    expect((await connectOpenssl(mqtts, ['-CAfile', ca, '-verify_return_error'])).ok).toBe(true);
    // The key is the same, and so is what a command line pins.
    expect(server.server.reach().pin).toMatch(/^sha256\/\/[A-Za-z0-9+/]{43}=$/);

    await overTcp.publishAsync('hostwire/v1/pi-04/status', 'online', { qos: 1, retain: true });
    await waitFor(() => got.includes('hostwire/v1/pi-04/status'));
    await waitFor(() => events.some((text) => text.includes('"pi-04"') && text.includes('online')));
    expect(lost).toBe(0);
    expect(ends()).toEqual(before);
  });
});

describe('a connection that says nothing', () => {
  it('costs the server no other connection, and does not keep it from ending', async () => {
    const { server, ports } = await openServer();
    const halfway = Object.values(ports).map((port) => connectTcp(port, '127.0.0.1').on('error', () => undefined));
    for (const socket of halfway) socket.write(Buffer.from([0x16, 3, 1]));
    const silent = Array.from({ length: 50 }, () => connectTcp(ports['https'] ?? 0, '127.0.0.1'));
    for (const socket of silent) socket.on('error', () => undefined);
    await sleep(200);
    expect((await server.get('/health')).status).toBe(200);
    for (const socket of silent) socket.destroy();
    const closing = Date.now();
    await server.server.close();
    expect(Date.now() - closing).toBeLessThan(5000);
  });
});

async function serialAt(port: number): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      done(new X509Certificate(raw).serialNumber);
    });
    socket.once('error', fail);
  });
}
