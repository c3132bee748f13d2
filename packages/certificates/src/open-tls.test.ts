import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { tempDir, waitFor } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { issueAuthority, issueServer, newKey } from './issue.ts';
import { openTls, type Tls, type TlsOptions } from './open-tls.ts';
import { lacking } from './own-authority.ts';

const DAY_MS = 86_400_000;

async function open(options: Partial<TlsOptions> = {}): Promise<{ tls: Tls; lines: string[]; counted: string[] }> {
  const [lines, counted]: string[][] = [[], []];
  const write = (line: string): void => void lines?.push(line);
  const tls = await openTls({
    folder: join(tempDir(), 'tls'),
    machineNames: () => ['pi-04', 'localhost', '127.0.0.1'],
    logger: { info: write, warn: write },
    count: (name) => counted?.push(name),
    watchMs: 20,
    checkMs: 60_000,
    ...options,
  });
  onTestFinished(() => tls.close());
  return { tls, lines: lines ?? [], counted: counted ?? [] };
}

function serial(tls: Tls): string {
  return new X509Certificate(String(tls.context().cert)).serialNumber;
}

/** A user's certificate with a chain of this length below a root of its own. */
async function userFiles(
  now = Date.now(),
): Promise<{ folder: string; cert: string; key: string; ca: string; write(cert: string, key: string): void }> {
  const folder = tempDir();
  const root = await issueAuthority('elsewhere', now);
  const key = await newKey();
  const [certFile, keyFile, caFile] = ['cert.pem', 'key.pem', 'root.pem'].map((name) => join(folder, name)) as [string, string, string];
  const write = (cert: string, itsKey: string): void => {
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, itsKey);
  };
  write(await issueServer(root, key, ['hostwire.example.org', 'localhost'], now), key);
  writeFileSync(caFile, root.cert);
  return { folder, cert: certFile, key: keyFile, ca: caFile, write };
}

describe('an own CA', () => {
  it('is made once, its keys for its owner alone, also when several start at the same time', async () => {
    const folder = join(tempDir(), 'tls');
    const all = await Promise.all(Array.from({ length: 6 }, () => open({ folder })));
    expect(new Set(all.map(({ tls }) => tls.state().caFingerprint)).size).toBe(1);
    expect(new Set(all.map(({ tls }) => tls.state().pin)).size).toBe(1);
    expect(readdirSync(folder).sort()).toEqual(['ca.key', 'ca.pem', 'server.key', 'server.pem']);
    for (const name of ['ca.key', 'server.key']) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const again = await open({ folder });
    expect(again.counted).toEqual([]);
    expect(again.tls.state()).toMatchObject({ ownCa: true, names: ['pi-04', 'localhost', '127.0.0.1'] });
  });

  it('issues anew with the same key when a name or an address is new, and when 30 days are left', async () => {
    const machine = ['pi-04', '192.168.1.5'];
    let now = Date.now();
    const { tls, counted } = await open({ machineNames: () => machine, now: () => now });
    const [pin, first, ca] = [tls.state().pin, serial(tls), tls.state().caFingerprint];
    await tls.check();
    expect(serial(tls)).toBe(first);
    machine.push('2001:db8::5');
    machine.shift();
    await tls.check();
    const second = serial(tls);
    expect(second).not.toBe(first);
    expect(tls.state().names).toEqual(['192.168.1.5', '2001:db8::5']);
    now += 365 * DAY_MS;
    await tls.check();
    expect(serial(tls)).toBe(second);
    now += 3 * DAY_MS;
    await tls.check();
    expect(serial(tls)).not.toBe(second);
    expect(tls.state()).toMatchObject({ pin, caFingerprint: ca });
    expect(tls.warnings()).toEqual([]);
    expect(counted).toEqual(['issued', 'issued', 'reloaded', 'issued', 'reloaded']);
  });

  it('warns before its own end, and does not issue at every look until then', async () => {
    let now = Date.now();
    const { tls, counted } = await open({ now: () => now });
    now += 3640 * DAY_MS;
    await tls.check();
    await tls.check();
    expect(counted.filter((name) => name === 'issued')).toHaveLength(2);
    expect(tls.warnings()).toMatchObject([{ code: 'certificate-expires' }]);
  });

  it('is refused when its files do not fit each other, or the clock is wrong; nothing of it is overwritten', async () => {
    const folder = join(tempDir(), 'tls');
    await open({ folder });
    writeFileSync(join(folder, 'ca.key'), await newKey());
    await expect(open({ folder })).rejects.toMatchObject({
      code: 'unusable',
      message: expect.stringMatching(/do not belong together; put both back/),
    });
    rmSync(join(folder, 'ca.key'));
    await expect(open({ folder })).rejects.toMatchObject({ code: 'unreadable' });
    expect(existsSync(join(folder, 'ca.key'))).toBe(false);
    await expect(open({ now: () => 0 })).rejects.toMatchObject({ code: 'clock', message: expect.stringContaining('1970-01-01') });
  });

  it('gives a certificate for every name that a machine can have', async () => {
    const authority = await issueAuthority('x', Date.now());
    const key = await newKey();
    const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/);
    const names = fc.array(
      fc.oneof(
        fc.array(label, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
        fc.ipV4(),
        fc.ipV6(),
      ),
      { minLength: 1 },
    );
    await fc.assert(
      fc.asyncProperty(names, async (wanted) => {
        const cert = await issueServer(authority, key, wanted, Date.now());
        expect(lacking(new X509Certificate(cert), wanted)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a user's files", () => {
  it('are taken with their CA, and again when they change, by whom connects from then on', async () => {
    const { folder, write, ...files } = await userFiles();
    const { tls, lines } = await open({ files });
    expect(tls.state()).toMatchObject({ ownCa: false, names: ['hostwire.example.org', 'localhost'], ca: readFileSync(files.ca, 'utf8') });
    const server = createServer(tls.context(), (socket) => socket.on('data', (bytes) => socket.write(bytes)));
    tls.onChange(() => server.setSecureContext(tls.context()));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const dial = () =>
      new Promise<{ seen: string; socket: ReturnType<typeof connect> }>((done, fail) => {
        const socket = connect({ port, servername: 'localhost', ca: readFileSync(files.ca) }, () =>
          done({ seen: socket.getPeerCertificate().serialNumber, socket }),
        );
        socket.once('error', fail);
      });
    const standing = await dial();
    const other = await userFiles();
    // One after the other, as programs that renew certificates do.
    writeFileSync(files.cert, readFileSync(other.cert));
    await new Promise((done) => setTimeout(done, 60));
    writeFileSync(files.key, readFileSync(other.key));
    writeFileSync(files.ca, readFileSync(other.ca));
    await waitFor(() => serial(tls) === new X509Certificate(readFileSync(other.cert)).serialNumber);
    expect(tls.warnings()).toEqual([]);
    const fresh = await dial();
    expect(fresh.seen).not.toBe(standing.seen);
    const echo = new Promise((done) => standing.socket.once('data', (bytes) => done(String(bytes))));
    standing.socket.write('still here');
    expect(await echo).toBe('still here');
    for (const { socket } of [standing, fresh]) socket.destroy();
    expect(lines.some((line) => line.startsWith('took new certificates'))).toBe(true);
  });

  it('that become unusable are warned of, and the last good ones stay in use', async () => {
    const { write, folder, ...files } = await userFiles();
    const { tls, lines, counted } = await open({ files });
    const before = serial(tls);
    writeFileSync(files.key, await newKey());
    await waitFor(async () => {
      await tls.check();
      return tls.warnings()[0]?.code === 'certificate-unusable';
    });
    expect(serial(tls)).toBe(before);
    expect(lines.filter((line) => line.includes('cannot be used'))).toHaveLength(1);
    expect(counted).toContain('reload_failed');
    expect(folder).not.toBe('');
    expect(write).toBeTypeOf('function');
  });

  it('are refused at the start with a sentence that names what is wrong', async () => {
    const { folder, write, ...files } = await userFiles();
    const [cert, key, root] = [files.cert, files.key, files.ca].map((file) => readFileSync(file, 'utf8')) as [string, string, string];
    const refusal = async (change: Partial<typeof files> = {}): Promise<string> =>
      open({ files: { ...files, ...change } }).then(
        () => 'taken',
        (error: Error) => error.message,
      );
    expect(await refusal({ cert: join(folder, 'none') })).toMatch(/^tls.cert .*none cannot be read \(ENOENT\); check the path/);
    expect(await refusal({ cert: files.key })).toMatch(/holds no certificate; it must be PEM/);
    expect(await refusal({ key: files.cert })).toMatch(/^tls.key .* holds no private key/);
    write(cert, await newKey());
    expect(await refusal()).toMatch(/^tls.key .* is not the key of the certificate in .*cert.pem/);
    write(root + cert, key);
    expect(await refusal()).toMatch(/is that of certificate 2 in .*; the server's own certificate must come first/);
    write(cert, key);
    const { ca: _, ...alone } = files;
    await expect(open({ files: alone })).rejects.toThrow(
      /is no complete chain: the issuer of "hostwire.example.org" is missing, "Hostwire CA .* take fullchain.pem/,
    );
    const other = await userFiles();
    expect(await refusal({ ca: other.ca })).toMatch(/does not lead to a certificate in tls.ca/);
    write(cert + readFileSync(other.ca, 'utf8'), key);
    expect(await refusal()).toMatch(/is out of order: after "hostwire.example.org" must come its issuer, "Hostwire CA/);
    write(`${cert.slice(0, 100)}AAAA${cert.slice(104)}`, key);
    expect(await refusal()).toMatch(/certificate 1 in it cannot be read|holds no certificate|is not the key/);
    // With the root in the chain nothing more is needed: hosts get that.
    write(cert + root, key);
    const { tls } = await open({ files: alone });
    expect(tls.state().caFingerprint).toMatch(/^sha256:/);
    mkdirSync(join(folder, 'sub'));
    chmodSync(join(folder, 'sub'), 0o700);
    expect(await refusal({ key: join(folder, 'sub') })).toMatch(/cannot be read \(EISDIR\)/);
  });

  it('that end soon, or have ended, or lack a name, are used and warned of', async () => {
    const { folder: _f, write: _w, ...old } = await userFiles(Date.now() - 390 * DAY_MS);
    const soon = await open({ files: old, names: ['hostwire.example.org'] });
    expect(soon.tls.warnings()).toMatchObject([
      { code: 'certificate-expires', message: expect.stringMatching(/ends on \d{4}-.*renew .*cert.pem/) },
    ]);
    const { folder: _g, write: _x, ...over } = await userFiles(Date.now() - 400 * DAY_MS);
    const ended = await open({ files: over, names: ['other.example.org'] });
    expect(ended.tls.warnings().map(({ code }) => code)).toEqual(['certificate-expired', 'certificate-name']);
  });
});
