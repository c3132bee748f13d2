import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDial, dialTarget } from './local-dial.ts';
import { LocalHost } from './local-host.ts';

const host = new LocalHost();
const DAY_MS = 86_400_000;

interface Issued {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate of its own authority, valid for `days` from now; below 0: it was, until so many days ago. */
function certificate(names: string, days: number): Issued {
  const folder = tempDir();
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-days', String(days), '-subj', '/CN=a.example/O=One/O=Two, Three', '-addext', `subjectAltName=${names}`],
    { stdio: 'ignore' },
  );
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

async function listen(server: Server | ReturnType<typeof createHttpsServer>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

systemSuite(['openssl'], 'a peer that speaks TLS', () => {
  it('shows its certificate, trusted or not, and what it says', async () => {
    const names = 'DNS:a.example,DNS:*.b.example,IP:127.0.0.1';
    const server = createServer(certificate(names, 30), (socket) => void socket.on('error', () => undefined).write('220 secret hello'));
    const port = await listen(server);
    const began = Date.now();
    const { certificate: shown, bytes, timings } = await host.dial({ host: '127.0.0.1', port, tls: {}, until: { match: 'hello' } });
    expect(Buffer.from(bytes).toString()).toBe('220 secret hello');
    expect(shown).toMatchObject({
      authorized: false,
      authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      protocol: 'TLSv1.3',
      cipher: expect.stringMatching(/^TLS_/),
    });
    expect(shown?.chain).toHaveLength(1);
    const [own] = shown?.chain ?? [];
    expect(own).toMatchObject({
      subject: { CN: 'a.example', O: 'One, Two, Three' },
      issuer: { CN: 'a.example' },
      serialNumber: expect.stringMatching(/^[0-9A-F]+$/),
      fingerprint256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      san: ['DNS:a.example', 'DNS:*.b.example', 'IP Address:127.0.0.1'],
      bits: 256,
    });
    expect(Math.abs((own?.validTo ?? 0) - began - 30 * DAY_MS)).toBeLessThan(60_000);
    expect(Math.abs((own?.validFrom ?? 0) - began)).toBeLessThan(60_000);
    expect(timings.tlsMs).toBeGreaterThan(0);
    expect(timings.firstByteMs).toBeGreaterThan(0);
  });

  it('is refused by a request, unless it is asked not to, and each fault has its code', async () => {
    const own = certificate('DNS:a.example', 30);
    const port = await listen(createHttpsServer(own, (_request, answer) => void answer.end('yes')));
    const url = `https://127.0.0.1:${port}`;
    await expect(host.request({ url, path: '/' })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const answer = await host.request({ url, path: '/', insecure: true, timings: true });
    expect(answer).toMatchObject({ status: 200, body: 'yes', timings: { tlsMs: expect.any(Number) } });
    expect(answer.timings?.tlsMs).toBeGreaterThan(0);
    const { certificate: shown } = await host.dial({ host: '127.0.0.1', port, tls: { servername: 'c.example' }, until: null });
    expect(shown?.authorized).toBe(false);
  });

  it('that speaks no TLS, or does so never, is an error with a code', async () => {
    const { createServer: createPlain } = await import('node:net');
    const plain = createPlain((socket) => void socket.on('error', () => undefined).end('HTTP/1.0 400 no\r\n\r\n'));
    const port = await listen(plain as Server);
    await expect(host.dial({ host: '127.0.0.1', port, tls: {}, until: null })).rejects.toMatchObject({
      name: 'AccessError',
      code: expect.stringMatching(/SSL|TLS|EPROTO|ECONNRESET/),
    });
    const silent = await listen(createPlain((socket) => void socket.on('error', () => undefined)) as Server);
    await expect(host.dial({ host: '127.0.0.1', port: silent, tls: {}, until: null }, { timeout: 50 })).rejects.toMatchObject({
      code: 'timeout',
    });
  });
});

describe('dialTarget', () => {
  it('names what is dialled', () => {
    expect(dialTarget({ socketPath: '/run/x', until: null })).toBe('unix:/run/x');
    expect(dialTarget({ host: '2001:db8::1', port: 443, tls: { servername: 'a' }, until: null })).toBe('tls:[2001:db8::1]:443/a');
    expect(() => checkDial({ host: 'user@h', port: 1, until: null })).toThrow('no name and no address');
  });
});
