import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { startSshd, systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DiagnosticDump } from './diagnostic-dump.ts';
import { nameServer } from './dns-server.testkit.ts';
import { encodeEntry } from './dump-entry.ts';
import { AccessError, type DialAsk, type HostAccess, type RecordType } from './host-access.ts';
import { LocalHost } from './local-host.ts';
import { recordAccess } from './recorder.ts';
import { ReplayHost } from './replay-host.ts';
import { SshHost } from './ssh/ssh-host.ts';

/** Answers by path; `/silent` never. */
function serveAt(path: string): void {
  const server = createServer(({ method, url }, answer) => {
    answer.sendDate = false;
    if (url === '/silent') return;
    if (url === '/large') {
      answer.end(Buffer.alloc(5 * 1024 * 1024, 'x'));
    } else if (url === '/inspect?all=1') {
      const container = { Id: 'ab', Config: { Env: ['PASSWORD=x'] }, State: { Pid: 7, Health: { Status: 'healthy', Log: ['x'] } } };
      answer
        .setHeader('content-type', 'application/json')
        .setHeader('x-secret', 'x')
        .end(JSON.stringify([container, { Mounts: [] }]));
    } else {
      answer.writeHead(url === '/missing' ? 404 : 200, { 'content-type': 'text/plain', 'set-cookie': 'secret' });
      answer.end(`${method} ${url}\n\u00e9\n===== `);
    }
  });
  server.listen(path);
  onTestFinished(() => void server.close().closeAllConnections());
}

/** Greets, says a line again, and ends after `quit`; after `hush` it says nothing more. */
function talkAt(path: string): void {
  const server = createNetServer((socket) => {
    socket.on('error', () => undefined).write('220 ready\r\n');
    socket.on('data', (text) => {
      if (text.toString() === 'hush') return;
      if (text.toString() === 'flood') socket.write(Buffer.alloc(100_000, 'x'));
      else if (text.toString() === 'quit') socket.end('bye');
      else socket.write(Buffer.concat([Buffer.from('you said '), Buffer.from([0, 255]), Buffer.from(text), Buffer.from('; more')]));
    });
  });
  server.listen(path);
  onTestFinished(() => void server.close());
}

interface Subject {
  readonly folder: string;
  readonly dns: string;
}

/** A folder with what the contract asks for, and what was seen when it was asked. */
async function subject(): Promise<Subject> {
  const folder = tempDir();
  serveAt(join(folder, 'http.sock'));
  talkAt(join(folder, 'talk.sock'));
  const dns = await nameServer({
    'A two.example': [Buffer.from([192, 0, 2, 2]), Buffer.from([192, 0, 2, 1])],
    'MX two.example': [Buffer.from('\0\x0a\x04mail\xc0\x0c', 'latin1')],
    'TXT two.example': [Buffer.from('\x04v=a \x02-b', 'latin1')],
    'A none.example': [],
  });
  mkdirSync(join(folder, 'dir'));
  for (const name of ['b', 'a', 'B', 'a b', "it's", 'line\nend', '\u00e9', '10', '9']) writeFileSync(join(folder, 'dir', name), name);
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'no-end'), 'no line end');
  writeFileSync(join(folder, 'nothing'), '');
  writeFileSync(join(folder, 'bytes'), Buffer.from([0x61, 0xff, 0x0a, 0xc3, 0x28, 0x00, 0xef, 0xbb, 0xbf]));
  writeFileSync(join(folder, 'header'), '\n===== 2026-04-22T20:13:19.123Z =====\n$ x\nexit=0  duration=1ms  size=3\n\nab\n');
  symlinkSync('dir/a b', join(folder, 'link'));
  return { folder, dns };
}

/** All that a HostAccess can be asked, as one value; what it throws, as its code. */
async function askAll(access: HostAccess, { folder, dns }: Subject): Promise<unknown[]> {
  const at = (name: string) => join(folder, name);
  const asks: (() => Promise<unknown>)[] = [
    () => access.readFile(at('no-end')),
    () => access.readFile(at('nothing')),
    () => access.readFile(at('bytes')),
    () => access.readFile(at('header')),
    () => access.readFile(at('dir/a b')),
    () => access.readFile(at('missing')),
    () => access.readFile(folder),
    () => access.readFile('relative'),
    () => access.readFile('/a\0b'),
    () => access.readFiles([at('no-end'), at('missing'), at('header')]),
    () => access.readDir(at('dir')),
    () => access.readDir(at('empty')),
    () => access.readDir(at('no-end')),
    () => access.readLink(at('link')),
    () => access.readLink(at('no-end')),
    () => access.statFs('/proc'),
    () => access.statFs(at('missing')),
    () => access.exec('sh', ['-c', 'printf out; printf err >&2; exit 3']),
    () => access.exec('printf', ['%s\\n', '', ' ', "it's", 'a\nb', '\u00e9', '$x', '=====']),
    () => access.exec('true', []),
    () => access.exec('hostwire-no-such-command', ['x']),
    () => access.exec('sleep', ['60'], { timeout: 30 }),
    () => access.exec('sh', ['-c', 'printf "\\377\\n===== "']),
    () => access.request({ socketPath: at('http.sock'), path: '/hello?q=%20' }),
    () => access.request({ socketPath: at('http.sock'), path: '/missing', method: 'HEAD' }),
    () => access.request({ socketPath: at('http.sock'), path: '/inspect?all=1', keep: ['/*/Id', '/*/State/Health/Status', '/*/None'] }),
    () => access.request({ socketPath: at('http.sock'), path: '/text', keep: ['/Id'] }),
    () => access.request({ socketPath: at('http.sock'), path: '/large' }),
    () => access.request({ socketPath: at('http.sock'), path: '/silent' }, { timeout: 30 }),
    () => access.request({ socketPath: at('no.sock'), path: '/' }),
    () => access.request({ socketPath: at('nothing'), path: '/' }),
    () => access.request({ socketPath: at('http.sock'), path: 'no-slash' }),
    () => access.request({ url: 'http://user:password@127.0.0.1:2', path: '/' }),
    () => access.request({ url: 'http://127.0.0.1:1', path: '/' }),
    () => access.exec('printf', ['%s', '{"a":[{"b":1,"secret":2}],"secret":3}'], { keep: ['/a/*/b'] }),
    () => access.exec('sh', ['-c', 'echo secret; echo secret >&2; exit 2'], { keep: ['/a'] }),
    () => access.exec('printf', ['12345'], { maxBytes: 4 }),
    () => access.request({ socketPath: at('http.sock'), path: '/hello', maxBytes: 10 }),
    () => access.request({ socketPath: at('http.sock'), path: '/hello', method: 'HEAD', headers: { 'x-key': 'x' }, timings: true }),
    () => dialled({ until: null }),
    () => dialled({ until: { bytes: 3 } }),
    () => dialled({ bytes: Buffer.from('\u00e9'), until: { match: '\u00e9' } }),
    () => dialled({ bytes: Buffer.from('quit'), until: {} }),
    () => dialled({ bytes: Buffer.from('flood'), until: { match: 'never' } }),
    () => dialled({ bytes: Buffer.from('hush'), until: { match: 'again' } }),
    () => access.dial({ socketPath: at('no.sock'), until: null }),
    () => access.dial({ host: '127.0.0.1', port: 1, until: null }),
    () => access.dial({ host: '127.0.0.1', port: 1, tls: {}, until: null }),
    () => access.dial({ host: 'a b', port: 1, until: null }),
    () => access.dial({ host: '127.0.0.1', port: 70_000, until: null }),
    () => resolved('two.example', 'A'),
    () => resolved('two.example', 'MX'),
    () => resolved('two.example', 'TXT'),
    () => resolved('missing.example', 'A'),
    () => resolved('none.example', 'A'),
    () => access.resolve('silent.example', { server: dns, timeout: 50 }),
    () => access.resolve('a b'),
    () => access.resolve('two.example', { server: 'ns.example' }),
  ];
  async function dialled(ask: Pick<DialAsk, 'bytes' | 'until'>): Promise<unknown> {
    const { bytes, ended, timings } = await access.dial({ socketPath: at('talk.sock'), ...ask }, { timeout: 500 });
    expect(Object.values(timings).every((ms) => ms >= 0)).toBe(true);
    return [ended, bytes.length > 100 ? bytes.length : Buffer.from(bytes).toString()];
  }
  async function resolved(name: string, type: RecordType): Promise<unknown> {
    const { answers, timeMs } = await access.resolve(name, { type, server: dns });
    expect(timeMs).toBeGreaterThan(0);
    return answers.join(' | ');
  }
  const answers: unknown[] = [];
  for (const ask of asks) {
    answers.push(
      await ask().catch((error: unknown) => {
        expect(error).toBeInstanceOf(AccessError);
        return (error as AccessError).code;
      }),
    );
  }
  return answers.map((answer) =>
    Array.isArray(answer) ? answer.map((each: unknown) => (each instanceof AccessError ? `error ${each.code}` : each)) : answer,
  );
}

async function recorded(seen: Subject): Promise<ReplayHost> {
  const directory = join(tempDir(), 'dump');
  const dump = new DiagnosticDump(directory, {
    warn: (message) => {
      throw new Error(message);
    },
  });
  await askAll(recordAccess(new LocalHost(), dump), seen);
  await dump.close();
  return ReplayHost.open(directory);
}

/** What an access that opens no ways of its own says to all that needs one. */
const UNSUPPORTED = 'unsupported';

function contract(make: (seen: Subject) => Promise<HostAccess>, { opensWays }: { readonly opensWays: boolean }): void {
  /** `answer`, where the access can dial. */
  const dialled = (answer: unknown): unknown => (opensWays ? answer : UNSUPPORTED);

  async function host(seen: Subject) {
    const access = await make(seen);
    onTestFinished(() => access.close());
    return access;
  }

  it('answers what it is asked', async () => {
    const seen = await subject();
    expect(await askAll(await host(seen), seen)).toEqual([
      'no line end',
      '',
      'a\ufffd\n\ufffd(\0\ufeff',
      '\n===== 2026-04-22T20:13:19.123Z =====\n$ x\nexit=0  duration=1ms  size=3\n\nab\n',
      'a b',
      'ENOENT',
      'EISDIR',
      'EINVAL',
      'EINVAL',
      ['no line end', 'error ENOENT', '\n===== 2026-04-22T20:13:19.123Z =====\n$ x\nexit=0  duration=1ms  size=3\n\nab\n'],
      ['10', '9', 'B', 'a', 'a b', 'b', "it's", 'line\nend', '\u00e9'],
      [],
      'ENOTDIR',
      'dir/a b',
      'EINVAL',
      { blockSize: 4096, blocks: 0, blocksFree: 0, blocksAvailable: 0, files: 0, filesFree: 0 },
      'ENOENT',
      { exitCode: 3, stdout: 'out', stderr: 'err' },
      { exitCode: 0, stdout: "\n \nit's\na\nb\n\u00e9\n$x\n=====\n", stderr: '' },
      { exitCode: 0, stdout: '', stderr: '' },
      'ENOENT',
      'timeout',
      { exitCode: 0, stdout: '\ufffd\n===== ', stderr: '' },
      { status: 200, headers: expect.objectContaining({ 'content-type': 'text/plain' }), body: 'GET /hello?q=%20\n\u00e9\n===== ' },
      { status: 404, headers: expect.not.objectContaining({ 'set-cookie': expect.anything() }), body: '' },
      {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ Id: 'ab', State: { Health: { Status: 'healthy' } } }, null]),
      },
      { status: 200, headers: { 'content-type': 'text/plain' }, body: '' },
      'too-large',
      'timeout',
      'ENOENT',
      'ECONNREFUSED',
      'EINVAL',
      'EINVAL',
      dialled('ECONNREFUSED'),
      { exitCode: 0, stdout: '{"a":[{"b":1}]}', stderr: '' },
      { exitCode: 2, stdout: '', stderr: '' },
      'too-large',
      'too-large',
      dialled({
        ...{ status: 200, headers: expect.anything(), body: '' },
        timings: { dnsMs: 0, connectMs: expect.any(Number), tlsMs: 0, firstByteMs: expect.any(Number), totalMs: expect.any(Number) },
      }),
      ...[
        ['done', ''],
        ['done', '220'],
        ['done', '220 ready\r\nyou said \0\ufffd\u00e9'],
        ['closed', '220 ready\r\nbye'],
        ['full', 65_536],
        ['timeout', '220 ready\r\n'],
        'ENOENT',
        'ECONNREFUSED',
        'ECONNREFUSED',
        'EINVAL',
        'EINVAL',
        '192.0.2.1 | 192.0.2.2',
        '10 mail.two.example',
        'v=a -b',
        'ENOTFOUND',
        'ENODATA',
        'timeout',
        'EINVAL',
        'EINVAL',
      ].map(dialled),
    ]);
  });

  it('gives up when the caller has', async () => {
    const seen = await subject();
    const { folder } = seen;
    const access = await host(seen);
    const signal = AbortSignal.abort();
    for (const ask of [
      access.readFile(join(folder, 'no-end'), { signal }),
      access.readDir(join(folder, 'dir'), { signal }),
      access.readLink(join(folder, 'link'), { signal }),
      access.statFs('/proc', { signal }),
      access.exec('true', [], { signal }),
      access.request({ socketPath: join(folder, 'http.sock'), path: '/hello?q=%20' }, { signal }),
      access.dial({ socketPath: join(folder, 'talk.sock'), until: null }, { signal }),
      access.resolve('two.example', { server: seen.dns, signal }),
    ]) {
      await expect(ask).rejects.toMatchObject({ name: 'AccessError', code: 'aborted' });
    }
  });
}

describe.each([
  ['LocalHost', async () => new LocalHost()],
  ['a recorded LocalHost', async () => recordAccess(new LocalHost(), { command: () => {} })],
  ['ReplayHost of what was recorded', recorded],
])('HostAccess: %s', (_name, make: (seen: Subject) => Promise<HostAccess>) => contract(make, { opensWays: true }));

systemSuite(['sshd'], 'HostAccess: SshHost', () => {
  contract(
    async () => {
      const sshd = await startSshd();
      onTestFinished(() => sshd.stop());
      const { address: host, port, user, keyFile, knownHostsFile } = sshd;
      return new SshHost({ target: { host, port, user }, keyFile, knownHostsFile });
    },
    { opensWays: false },
  );
});

describe('recordAccess', () => {
  it('never writes what a request was not to keep, nor a password', async () => {
    const { folder } = await subject();
    const log: string[] = [];
    const access = recordAccess(new LocalHost(), { command: (entry) => log.push(encodeEntry(entry).toString()) });
    await access.request({ socketPath: join(folder, 'http.sock'), path: '/inspect?all=1', keep: ['/*/State/Pid'] });
    await access.request({ url: 'http://user:PASSWORD@127.0.0.1:1', path: '/' }).catch(() => {});
    await access.request({ url: 'http://127.0.0.1:1', path: '/', headers: { authorization: 'Bearer secret' } }).catch(() => {});
    await access.dial({ socketPath: join(folder, 'talk.sock'), bytes: Buffer.from('AUTH secret'), until: { bytes: 4 } });
    await access.exec('printf', ['%s', 'secret'], { confidential: true, keep: ['/a'] });
    await access
      .request({ url: 'http://127.0.0.1:1', path: '/x?key=secret', confidential: true })
      .catch(({ message }: Error) => log.push(message));
    expect(log[0]).toContain(`\n> GET unix:${folder}/http.sock '/inspect?all=1'\nstatus=200  `);
    expect(log[0]).toContain('[{"State":{"Pid":7}},null]');
    expect(log.join('')).toContain("\n$ printf '(2 arguments)'\nexit=0  duration=");
    expect(log.join('')).toContain("\n> GET http://127.0.0.1:1 '/x?...'\nerror=ECONNREFUSED");
    expect(log.join('')).not.toMatch(/password|secret|healthy|Mounts/i);
  });

  it('writes the answers to one thing in the order of the asks, whenever they come', async () => {
    const waiting: ((text: string) => void)[] = [];
    const slow = { readFile: () => new Promise<string>((resolve) => waiting.push(resolve)) } as unknown as HostAccess;
    const log: unknown[] = [];
    const access = recordAccess(slow, { command: ({ answer }) => log.push(answer.error ?? answer.stdout) });
    const asks = [access.readFile('/a'), access.readFile('/a'), access.readFile('/a')];
    waiting[1]?.('second');
    await asks[1];
    expect(log).toEqual([]);
    waiting[0]?.('first');
    waiting[2]?.('third');
    await Promise.all(asks);
    expect(log).toEqual(['first', 'second', 'third']);
  });
});
