import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createPlainServer, type Server } from 'node:net';
import { join } from 'node:path';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseCommand } from '../cli.ts';
import { connectTo } from './connect.ts';
import { enroll, enrollCommand } from './enroll-command.ts';
import { parseServer } from './server-address.ts';

const CODE = '7K2M-QX4D-R9PV';

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** The connection ends without an answer. */
  readonly lost?: boolean;
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as the program does, with short waits. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  let [out, err] = ['', ''];
  const output = {
    print(text: string) {
      out += text;
    },
    tell(text: string) {
      err += text;
    },
  };
  const { given } = parseCommand(['enroll', ...args], [enrollCommand]) ?? {};
  if (given === undefined) throw new Error('no command');
  const code = await enroll(given, env, output, { retryMs: 5, pollMs: 5 });
  return { code, out, err };
}

async function listenOn(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

systemSuite(['openssl'], 'hostwire-agent enroll', () => {
  const folder = join('/tmp', `hostwire-enroll-${randomBytes(6).toString('hex')}`);
  const certs: { key: string; cert: string; pin: string }[] = [];

  beforeAll(() => {
    mkdirSync(folder, { mode: 0o700 });
    for (const name of ['one', 'two']) {
      const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
      const names = ['-subj', '/CN=hostwire', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync(findCommand('openssl') ?? '', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...names], { stdio: 'ignore' });
      const pem = readFileSync(cert, 'utf8');
      const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
      certs.push({ key: readFileSync(key, 'utf8'), cert: pem, pin: `sha256//${createHash('sha256').update(spki).digest('base64')}` });
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const [first, second] = [() => certs[0] as (typeof certs)[0], () => certs[1] as (typeof certs)[0]];

  const KEY = `ed25519:${randomBytes(32).toString('base64')}`;

  function enrolled(change: object = {}): Answer {
    const { cert } = first();
    const fingerprint = `sha256:${createHash('sha256').update(new X509Certificate(cert).raw).digest('hex')}`;
    const keys = { server_key: KEY, ca_pem: cert, ca_fingerprint: fingerprint };
    const host = { host: 'pi-04', token: 'hwh_0123456789abcdef', group: null, labels: {} };
    return { status: 200, body: { ...host, mqtt_url: 'mqtts://hostwire.example:8883', topic_root: 'hostwire', ...keys, ...change } };
  }

  /** A server that answers in this order, the last one again and again, and keeps what it was asked. */
  async function scripted(answers: readonly Answer[], secure = true) {
    const asked: { path: string; body: Record<string, unknown> }[] = [];
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        asked.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> });
        const { status, body, headers = {}, lost } = answers[Math.min(asked.length, answers.length) - 1] as Answer;
        if (lost === true) request.socket.destroy();
        else response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body ?? null));
      });
    };
    const { key, cert } = first();
    const port = await listenOn(secure ? createTlsServer({ key, cert }, handle) : createHttpServer(handle));
    const url = `${secure ? 'https' : 'http'}://127.0.0.1:${port}`;
    const file = join(tempDir(), 'etc', 'agent.toml');
    const args = ['--server', url, '--code', CODE, '--config', file, ...(secure ? ['--pin', first().pin] : [])];
    return { port, url, asked, file, args };
  }

  const failed = (status: number, code: string, message = 'Do something.'): Answer => ({ status, body: { error: { code, message } } });

  describe('with a server that it can trust', () => {
    it('writes what the server gives, for the owner alone, with the CA beside it', async () => {
      const { args, asked, file } = await scripted([enrolled()]);
      const { code, out, err } = await run([...args, '--host', 'pi-04']);
      expect([code, err]).toEqual([0, '']);
      expect(out).toMatch(
        /^Enrolled as pi-04; it publishes to mqtts:\/\/hostwire\.example:8883, as .*agent\.toml says\.\nIts CA is sha256:/,
      );
      const ca = join(file, '..', 'ca.pem');
      const [, fingerprint] = /Its CA is (sha256:[0-9a-f]{64})/.exec(out) ?? [];
      const lines = [
        'server_url = "mqtts://hostwire.example:8883"',
        'host_id = "pi-04"',
        'token = "hwh_0123456789abcdef"',
        `server_key = "${KEY}"`,
        'topic_root = "hostwire"',
      ];
      const table = `[tls]\nca = "${ca}"\nca_fingerprint = "${fingerprint}"\n`;
      expect(readFileSync(file, 'utf8').replace(/^#.*\n/gm, '')).toBe(`${lines.join('\n')}\n\n${table}`);
      expect([statSync(file).mode & 0o777, statSync(ca).mode & 0o777, readFileSync(ca, 'utf8')]).toEqual([0o600, 0o644, first().cert]);
      expect(readdirSync(join(file, '..')).sort()).toEqual(['agent.toml', 'ca.pem']);
      expect(asked).toMatchObject([
        { path: '/api/enroll', body: { code: '7K2MQX4DR9PV', host: 'pi-04', facts: { arch: expect.any(String) } } },
      ]);
      expect(out).not.toContain('hwh_');
    });

    it('keeps what else a configuration has, and replaces a token file and another CA', async () => {
      const { args, file } = await scripted([enrolled({ ca_pem: null, ca_fingerprint: null })]);
      mkdirSync(join(file, '..'));
      const kept = '# mine\n[intervals]\nfast_seconds = 5\n';
      writeFileSync(file, `token_file = "/gone"\n\n${kept}`, { mode: 0o644 });
      expect((await run([...args, '--json'])).out).toContain('"host": "pi-04"');
      const text = readFileSync(file, 'utf8');
      expect(text).toContain(kept);
      expect(text).not.toMatch(/token_file|tls/);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    });

    it('asks again with the same nonce when an answer was lost, the server failed or was asked too often', async () => {
      const busy = { ...failed(429, 'too-many-requests'), headers: { 'retry-after': '2' } };
      const { args, asked } = await scripted([{ status: 0, lost: true }, failed(503, 'registry-unavailable'), busy, enrolled()]);
      const { code, err } = await run(args);
      expect([code, asked.length]).toEqual([0, 4]);
      expect(new Set(asked.map(({ body }) => body['nonce'])).size).toBe(1);
      expect(err.match(/trying again/g)).toHaveLength(2);
    });

    it('waits for approval, says how to give it, and takes what comes', async () => {
      const waiting = { status: 202, body: { state: 'pending', request: 'r1', host: 'pi-04' } };
      const start = { status: 202, body: { ...waiting.body, secret: 's3cret' } };
      const { args, asked } = await scripted([start, waiting, { status: 0, lost: true }, waiting, enrolled()]);
      const { code, err } = await run(args);
      expect([code, asked.at(-1)]).toEqual([0, { path: '/api/enroll/r1', body: { secret: 's3cret' } }]);
      expect(err).toContain('waiting for approval as pi-04');
      expect(err).toContain('hostwire enroll approve r1');
      const denied = await scripted([start, failed(403, 'request-denied', 'It was denied.')]);
      expect(await run(denied.args)).toMatchObject({ code: 3, err: expect.stringContaining('It was denied') });
    });

    it('passes on why the code was refused, in the words of the server, and writes nothing', async () => {
      for (const [status, word] of [
        [403, 'code-unknown'],
        [410, 'code-expired'],
        [410, 'code-used'],
        [409, 'host-exists'],
        [409, 'host-mismatch'],
      ] as const) {
        const { args, file } = await scripted([failed(status, word, 'Make a \u001b[2Jnew one.')]);
        expect(await run(args)).toEqual({ code: 3, out: '', err: 'hostwire-agent: Make a  [2Jnew one\n' });
        expect(existsSync(file)).toBe(false);
      }
    });

    it('does not take an answer that makes no sense', async () => {
      const wrong: [Answer, RegExp][] = [
        [enrolled({ host: '../x' }), /makes no sense/],
        [enrolled({ token: 'x"\n[tls]' }), /makes no sense/],
        [enrolled({ mqtt_url: 'file:///etc/passwd' }), /makes no sense/],
        [enrolled({ ca_pem: second().cert }), /not what its fingerprint says/],
        [enrolled({ ca_pem: 'none', ca_fingerprint: null }), /not what its fingerprint says/],
        [{ status: 202, body: {} }, /HTTP 202/],
        [{ status: 404, body: '<html>' }, /not as a Hostwire server does/],
        [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, /HTTP 302/],
        [{ status: 200, body: 'x'.repeat(300_000) }, /cannot be reached/],
      ];
      for (const [answer, message] of wrong) {
        const { args, file } = await scripted([answer]);
        expect(await run(args)).toMatchObject({ code: 1, err: expect.stringMatching(message) });
        expect(existsSync(file)).toBe(false);
      }
    });
  });

  describe('with a server that is not the one', () => {
    it('sends nothing at all, and says which key it has', async () => {
      let sent = 0;
      const { key, cert, pin } = second();
      const server = createTlsServer({ key, cert }, () => {
        sent++;
      });
      server.on('secureConnection', (socket) => socket.on('data', () => sent++));
      const port = await listenOn(server);
      const file = join(tempDir(), 'agent.toml');
      const { code, err } = await run(['--server', `https://127.0.0.1:${port}`, '--pin', first().pin, '--code', CODE, '--config', file]);
      expect([code, sent, existsSync(file)]).toEqual([4, 0, false]);
      expect(err).toContain(`its key is ${pin}. Nothing was sent to it`);
    });

    it('trusts without a pin only what the system knows', async () => {
      const { url, asked } = await scripted([enrolled()]);
      const outcome = await run(['--server', url, '--code', CODE, '--config', join(tempDir(), 'agent.toml')]);
      expect(outcome).toMatchObject({ code: 4, err: expect.stringContaining('give --pin') });
      expect(asked).toEqual([]);
    });

    it('tells a port without TLS, one of another kind, and nobody there', async () => {
      const plain = await scripted([enrolled()], false);
      const config = ['--config', join(tempDir(), 'agent.toml'), '--code', CODE];
      const pinned = (port: number) => run(['--server', `https://127.0.0.1:${port}`, '--pin', first().pin, ...config]);
      expect(await pinned(plain.port)).toMatchObject({ code: 4, err: expect.stringContaining('does not speak TLS on this port') });
      const mute = await listenOn(createPlainServer((socket) => socket.end('SSH-2.0-x\r\n')));
      expect(await pinned(mute)).toMatchObject({ code: 4, err: expect.stringContaining('does not speak TLS on this port') });
      expect(await run(['--server', `http://127.0.0.1:${mute}`, ...config])).toMatchObject({
        code: 1,
        err: expect.stringContaining('HTTP'),
      });
      const gone = createPlainServer();
      const port = await listenOn(gone);
      gone.close();
      expect(await pinned(port)).toMatchObject({ code: 1, err: expect.stringContaining('nothing listens there') });
      // TLS is expected, and plain comes.
      const { port: secure } = await scripted([enrolled()]);
      expect((await run(['--server', `http://127.0.0.1:${secure}`, ...config])).code).toBe(1);
    });

    it('says that a clock is far off, before the code is sent', async () => {
      const { url, asked } = await scripted([enrolled()]);
      const server = parseServer(url, first().pin, false);
      await expect(connectTo(server, Date.UTC(1970, 0, 1))).rejects.toMatchObject({
        code: 'untrusted',
        message: expect.stringMatching(/begins only on .* this host says 1970-01-01: set the clock .* The code was not used/),
      });
      await expect(connectTo(server, Date.UTC(2099, 0, 1))).rejects.toMatchObject({ message: expect.stringContaining('ended on') });
      (await connectTo(server)).destroy();
      expect(asked).toEqual([]);
    });
  });

  describe('of plain HTTP', () => {
    it('takes this machine, and others only when it is told to', async () => {
      const { args, file } = await scripted([enrolled({ mqtt_url: 'mqtt://127.0.0.1:1883', ca_pem: null, ca_fingerprint: null })], false);
      expect((await run(args)).code).toBe(0);
      expect(readFileSync(file, 'utf8')).toContain('server_url = "mqtt://127.0.0.1:1883"');
      const other = ['--server', 'http://192.0.2.1:8080', '--code', CODE, '--config', file];
      await expect(run(other)).rejects.toThrow(/without TLS.*--allow-plain/);
      expect(parseServer('http://192.0.2.1:8080', undefined, true)).toMatchObject({ secure: false, host: '192.0.2.1', port: 8080 });
    });
  });

  describe('of a command line that cannot be', () => {
    it('says what is wrong before it connects', async () => {
      const server = ['--server', 'https://x:1'];
      const wrong: [string[], RegExp][] = [
        [['--code', CODE], /--server is missing/],
        [server, /--code is missing/],
        [[...server, '--code', 'nope'], /--code is not a code/],
        [[...server, '--code', CODE, '--pin', 'sha256//x'], /--pin is not/],
        [[...server, '--code', CODE, '--host', 'PI'], /--host/],
        [['--server', 'ftp://x', '--code', CODE], /not the address/],
        [['--server', 'https://u:p@x/path', '--code', CODE], /give https:\/\/x/],
        [['--server', 'http://127.0.0.1:1', '--code', CODE, '--pin', first().pin], /--pin is for https/],
      ];
      for (const [args, message] of wrong) await expect(run(args), args.join(' ')).rejects.toThrow(message);
      expect(parseCommand(['enroll', '--host', '007', '--code=1e5'], [enrollCommand])?.given.text('host')).toBe('007');
      expect(parseCommand(['enroll', '--host', '007', '--code=1e5'], [enrollCommand])?.given.text('code')).toBe('1e5');
    });
  });

  describe('of a file that cannot be written', () => {
    it('does not spend the code', async () => {
      const { args, asked, file } = await scripted([enrolled()]);
      mkdirSync(join(file, '..'));
      const target = join(tempDir(), 'target');
      writeFileSync(target, '');
      symlinkSync(target, file);
      expect(await run(args)).toMatchObject({ code: 1, err: expect.stringContaining('is a symbolic link') });
      const other = (config: string) => run([...args.slice(0, 4), '--pin', first().pin, '--config', config]);
      expect(await other('/proc/none/agent.toml')).toMatchObject({ code: 1, err: expect.stringContaining('cannot be written') });
      const broken = join(tempDir(), 'agent.toml');
      writeFileSync(broken, 'token = \n');
      await expect(other(broken)).rejects.toThrow(/1 problem/);
      writeFileSync(broken, 'nonsense = 1\n');
      await expect(other(broken)).rejects.toThrow(/nonsense/);
      expect([asked, readFileSync(target, 'utf8')]).toEqual([[], '']);
    });

    it.runIf(process.getuid?.() === 0)('leaves the file to whom it belonged, as root', async () => {
      const { args, file } = await scripted([enrolled()]);
      mkdirSync(join(file, '..'));
      writeFileSync(file, '');
      execFileSync('chown', ['12345:54321', file]);
      chmodSync(file, 0o640);
      expect((await run(args)).code).toBe(0);
      const { uid, gid, mode } = statSync(file);
      expect([uid, gid, mode & 0o777]).toEqual([12345, 54321, 0o600]);
    });
  });
});
