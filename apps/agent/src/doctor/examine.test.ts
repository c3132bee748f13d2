import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Finding } from '@hostwire/service/doctor';
import { freePort, smallDisk, sparseFile, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TestBroker } from '../broker.testkit.ts';
import { lookAtContainer } from './checks/container.ts';
import { examineAgent } from './examine.ts';
import { askServerTime } from './server-time.ts';

const run = promisify(execFile);
const build = mkdtempSync(join(tmpdir(), 'hostwire-agent-'));
const bundle = join(build, 'main.js');

beforeAll(() => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../build.mjs', import.meta.url)), build]);
  chmodSync(build, 0o755);
});
afterAll(() => rmSync(build, { recursive: true, force: true }));

/** An agent.toml, and the folder that it is in. */
function configure(text: string, spool?: string): { file: string; folder: string; spool: string } {
  const folder = tempDir();
  const file = join(folder, 'agent.toml');
  const dir = spool ?? join(folder, 'spool');
  writeFileSync(file, `host_id = "h1"\n${text}\n[spool]\ndir = ${JSON.stringify(dir)}\nmax_bytes = ${8 * 1024 * 1024}\n`, { mode: 0o600 });
  return { file, folder, spool: dir };
}

/** The findings of a check that are not well; each of them names a cure. */
async function faults(file: string, check: string, env: NodeJS.ProcessEnv = {}): Promise<Finding[]> {
  const found = (await examineAgent(file, env)).filter((finding) => finding.check === check && finding.level !== 'ok');
  for (const { cure } of found) expect(cure?.length).toBeGreaterThan(10);
  return found;
}

const NOBODY = 'server_url = "mqtt://127.0.0.1:9"\ntoken = "s3cret-value"';

describe('hostwire-agent doctor', () => {
  it('finds nothing wrong where an agent runs and its broker takes it, and does not take its connection away', async () => {
    const broker = await TestBroker.start();
    const { file } = configure(`server_url = "${broker.url}"\ntoken = "s3cret-value"`);
    const agent = spawn(process.execPath, [bundle, '--mock', '--config', file], { stdio: 'ignore' });
    onTestFinished(() => void agent.kill('SIGKILL'));
    await waitFor(() => broker.seen.length > 3, { what: 'what the agent sends' });
    const before = broker.connects;
    const findings = await examineAgent(file, {});
    const bad = findings.filter(({ level, check }) => level !== 'ok' && check !== 'container');
    expect(bad).toEqual([]);
    expect(findings.find(({ check }) => check === 'spool')?.message).toBe(`an agent runs: process ${agent.pid}`);
    expect(broker.connects).toBe(before + 1);
    expect(JSON.stringify(findings)).not.toContain('s3cret-value');
  });

  it('finds that there is no configuration, a key that is misspelt, and a token file that cannot be read', async () => {
    expect(await faults(join(tempDir(), 'none.toml'), 'configuration')).toMatchObject([
      { level: 'error', cure: expect.stringContaining('hostwire enroll') },
    ]);
    const { file } = configure('server_ulr = "x"\ntoken_file = "/nonexistent/token"');
    expect(await faults(file, 'configuration')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          level: 'error',
          message: expect.stringContaining('did you mean server_url?'),
          cure: expect.stringContaining('line 2'),
        }),
        expect.objectContaining({
          level: 'error',
          message: expect.stringContaining('token_file'),
          cure: expect.stringContaining('chown hostwire-agent'),
        }),
      ]),
    );
  });

  it('finds a token that others may read, in the configuration or in a file of its own', async () => {
    const { file, folder } = configure(NOBODY);
    chmodSync(file, 0o644);
    expect(await faults(file, 'permissions')).toMatchObject([
      { level: 'error', message: expect.stringContaining('0644'), cure: expect.stringContaining(`chmod 600 ${file}`) },
    ]);
    const token = join(folder, 'token');
    writeFileSync(token, 's3cret-value', { mode: 0o600 });
    chmodSync(token, 0o640);
    const other = configure(`server_url = "mqtt://127.0.0.1:9"\ntoken_file = "${token}"`);
    expect(await faults(other.file, 'permissions')).toMatchObject([{ level: 'warning', message: expect.stringContaining(token) }]);
  });

  it('finds a broker that is not there, that is none, that speaks another transport, or refuses the token', async () => {
    const broker = await TestBroker.start();
    const at = async (url: string) => faults(configure(`server_url = "${url}"\ntoken = "s3cret-value"`).file, 'broker');
    expect(await at(`mqtt://127.0.0.1:${await freePort()}`)).toMatchObject([
      { level: 'error', message: expect.stringContaining('nothing listens there'), cure: expect.stringContaining('firewall') },
    ]);
    expect(await at(`mqtts://127.0.0.1:${broker.port}`)).toMatchObject([{ level: 'error', cure: expect.stringMatching(/mqtts?:|CA/) }]);
    const web = await webServer({});
    expect(await at(`mqtt://127.0.0.1:${web.port}`)).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not speak MQTT') },
    ]);
    broker.refuse = true;
    expect(await at(broker.url)).toMatchObject([
      {
        level: 'error',
        message: expect.stringContaining('refused the credentials'),
        cure: expect.stringContaining('hostwire host rotate h1'),
      },
    ]);
  });

  it('finds a spool that another agent has, that is damaged or full, in memory alone, or on a disk without room', async ({ skip }) => {
    const first = configure(NOBODY);
    const agent = spawn(process.execPath, [bundle, '--mock', '--config', first.file], { stdio: 'ignore' });
    onTestFinished(() => void agent.kill('SIGKILL'));
    await waitFor(() => hasLock(first.spool), { what: 'the lock' });
    const second = configure(NOBODY, first.spool);
    expect(await faults(second.file, 'spool')).toMatchObject([
      {
        level: 'error',
        message: expect.stringContaining(`process ${agent.pid}, configured by ${first.file}`),
        cure: expect.stringContaining('spool.dir'),
      },
    ]);

    const full = configure(NOBODY);
    sparseFile(join(full.spool, '0000000000000001.seg'), 8 * 1024 * 1024);
    writeFileSync(join(full.spool, '0000000000000001.bad'), '');
    expect(await faults(full.file, 'spool')).toMatchObject([
      { level: 'warning', message: 'no agent runs on this configuration', cure: expect.stringContaining('systemctl start') },
      { level: 'error', message: expect.stringContaining('it is full'), cure: expect.stringContaining('spool.max_bytes') },
      { level: 'warning', message: expect.stringContaining('set aside') },
    ]);
    expect(await faults(configure(NOBODY, '').file, 'spool')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('memory alone') },
    ]);

    const disk = smallDisk(16);
    if (disk === null) return skip();
    const small = configure(NOBODY, join(disk.folder, 'spool'));
    mkdirSync(small.spool);
    writeFileSync(join(disk.folder, 'ballast'), Buffer.alloc(15.9 * 1024 * 1024));
    expect(await faults(small.file, 'disk')).toMatchObject([
      { level: 'error', message: expect.stringContaining('the disk is full'), cure: expect.stringContaining('spool.dir') },
    ]);
    disk.remount('ro');
    expect(await faults(small.file, 'spool')).toMatchObject([
      { level: 'error', message: expect.stringContaining('EROFS'), cure: expect.stringContaining('read-write') },
    ]);
  });

  it("finds a clock that is far off the server's, as its API says it", async () => {
    const web = await webServer({ date: new Date(Date.now() - 20 * 60_000).toUTCString() });
    const { file } = configure(`server_url = "ws://127.0.0.1:${web.port}/mqtt"\ntoken = "t"`);
    expect(await faults(file, 'clock')).toMatchObject([
      { level: 'error', message: expect.stringContaining('20 min ahead of that of the server'), cure: expect.stringContaining('set-ntp') },
    ]);
    const signal = AbortSignal.timeout(5000);
    const right = await webServer({});
    const found = await askServerTime(`ws://127.0.0.1:${right.port}/`, { now: Date.now, signal });
    expect(Math.abs((found?.time ?? 0) - (found?.ours ?? 0))).toBeLessThan(2000);
    const stranger = await webServer({}, 'hello');
    expect(await askServerTime(`ws://127.0.0.1:${stranger.port}/`, { now: Date.now, signal })).toBeNull();
  });

  it('finds a container that does not see its host', async () => {
    expect(lookAtContainer('', true)).toMatchObject([{ level: 'warning', cure: expect.stringContaining('HOST_ROOT=/host') }]);
    expect(lookAtContainer('', false)).toEqual([]);
    expect(await faults(configure(NOBODY).file, 'container', { HOST_ROOT: tempDir() })).toMatchObject([
      { level: 'error', message: expect.stringContaining('no /proc of a host') },
    ]);
  });

  it.runIf(process.getuid?.() === 0)('as the user of the service finds what that user may not do', async () => {
    const { file, folder, spool } = configure(NOBODY);
    mkdirSync(spool);
    const socket = join(folder, 'docker.sock');
    const docker = await listenAt(socket);
    chmodSync(socket, 0o600);
    writeFileSync(file, `\n[collectors.docker]\nsocket = "${socket}"\n`, { flag: 'a' });
    for (const [path, mode] of [
      [folder, 0o755],
      [file, 0o644],
      [spool, 0o755],
    ] as const)
      chmodSync(path, mode);
    onTestFinished(() => void docker.close());
    const { stdout } = await run(process.execPath, [bundle, 'doctor', '--json', '--config', file], { uid: 65534, gid: 65534 }).catch(
      (error: unknown) => error as { stdout: string },
    );
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    const bad = (check: string) => findings.filter((finding) => finding.check === check && finding.level !== 'ok');
    expect(bad('spool')).toMatchObject([
      { level: 'error', message: expect.stringContaining('EACCES'), cure: expect.stringContaining('chown -R hostwire-agent') },
    ]);
    expect(bad('collectors').filter(({ message }) => message.startsWith('docker '))).toMatchObject([
      { level: 'warning', message: expect.stringContaining('docker lacks a right'), cure: expect.stringContaining('enabled = false') },
    ]);
  });
});

systemSuite(['openssl'], 'hostwire-agent doctor over TLS', () => {
  it("finds a CA that is not the server's, a name that is not in the certificate, and a CA that expires", async () => {
    const [own, other] = [selfSigned('localhost'), selfSigned('localhost')];
    const server = createTlsServer({ cert: readFileSync(own.cert), key: readFileSync(own.key) });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const at = async (host: string, ca: string, more = '') => {
      const { file } = configure(`server_url = "mqtts://${host}:${port}"\ntoken = "s3cret-value"`);
      writeFileSync(file, `[tls]\nca = "${ca}"\n${more}`, { flag: 'a' });
      return (await examineAgent(file, {})).filter(
        ({ level, check }) => level !== 'ok' && ['broker', 'certificate', 'configuration'].includes(check),
      );
    };
    expect(await at('localhost', other.cert)).toMatchObject([
      { check: 'broker', level: 'error', cure: expect.stringContaining('CA file') },
      { check: 'certificate', level: 'warning', message: expect.stringContaining('expires in 2 d') },
    ]);
    expect((await at('127.0.0.1', own.cert))[0]).toMatchObject({
      check: 'broker',
      level: 'error',
      message: expect.stringMatching(/name|certificate/),
    });
    expect(await at('localhost', own.cert, `ca_fingerprint = "sha256:${'0'.repeat(64)}"\n`)).toMatchObject([
      {
        check: 'configuration',
        level: 'error',
        message: expect.stringContaining('is not the CA of this server'),
        cure: expect.stringContaining('hostwire enroll'),
      },
    ]);
  });
});

/** For two days; files in a folder that is gone when the test ends. */
function selfSigned(name: string): { cert: string; key: string } {
  const folder = tempDir();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`], {
    stdio: 'ignore',
  });
  return { cert, key };
}

systemSuite(['faketime'], 'hostwire-agent doctor on a machine without a clock', () => {
  it('says that it is long past, and ends with 1', async () => {
    const { file } = configure(NOBODY);
    const failed = await run('faketime', ['2020-01-01 00:00:00', process.execPath, bundle, 'doctor', '--config', file]).catch(
      (error: unknown) => error as { code: number; stdout: string },
    );
    expect(failed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/error +clock +the clock of this machine says 2020-01-01T.*\n +-> set the clock/),
    });
  });
});

function hasLock(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name.endsWith('.sock'));
  } catch {
    return false;
  }
}

async function listenAt(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  return server;
}

/** Answers everything as /health of a server does. */
async function webServer(headers: Record<string, string>, body = '{"ok":true,"roles":["api"]}'): Promise<{ port: number }> {
  const server = createHttpServer((_request, response) => void response.writeHead(200, headers).end(body));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}
