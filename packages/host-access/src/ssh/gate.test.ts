import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Sshd, startSshd, systemSuite } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SshConnection } from './ssh-connection.ts';
import { SshHost } from './ssh-host.ts';
import type { SshOptions } from './ssh-options.ts';

const GATE = fileURLToPath(new URL('../../../../infra/gate/hostwire-gate', import.meta.url));
const NONCE = '0123456789abcdef0123456789abcdef';
const SESSION = '/run/systemd/sessions/hostwire-test';

const request = (verb: string, ...words: readonly string[]): string => `hostwire-1 ${verb} ${NONCE} 5 ${words.join(' ')}`.trimEnd();
const look = (word: string): string => request('batch', word);
const run = (...words: readonly string[]): string => request('run', ...words);
const get = (...words: readonly string[]): string => request('http', ...words);

/** What each of them would do. */
const REFUSED: Readonly<Record<string, string>> = {
  'a command': 'id',
  'a shell': 'sh -c id',
  'no version that it speaks': `hostwire-2 hello ${NONCE} 5`,
  'half a request': 'hostwire-1 hello',
  'nothing but blanks': '  ',
  'a second line': `${request('hello')}\nid`,
  'a second command': `${request('hello')};id`,
  'a command in place of a word': `${request('hello')} $(id)`,
  'a command in place of a word, as of old': `${request('hello')} \`id\``,
  'output into a file': `${request('hello')} >/tmp/hostwire-gate-was-here`,
  'a verb that is none': request('eval', 'id'),
  'a nonce that is a pattern': `hostwire-1 hello ${'*'.repeat(32)} 5`,
  'no end in time': `hostwire-1 hello ${NONCE} 0`,
  'a request without end': `${request('batch')} ${'r/proc/stat '.repeat(10_000)}`,
  'all processes, by a pattern': look('r/proc/*/environ'),
  'all processes, by a pattern in code': look('r/proc/%2A/stat'),
  'an environment': look('r/proc/1/environ'),
  'its own environment': look('r/proc/self/environ'),
  'the environment of a thread': look('r/proc/thread-self/environ'),
  'the environment of a thread, the long way': look('r/proc/1/task/1/environ'),
  arguments: look('r/proc/1/cmdline'),
  'the memory of the kernel': look('r/proc/kcore'),
  'the log of the kernel': look('r/proc/kmsg'),
  'the memory of a process': look('r/proc/1/mem'),
  'the map of a memory': look('r/proc/1/maps'),
  'a file by the root of a process': look('r/proc/1/root/etc/shadow'),
  'a file by the folder of a process': look('r/proc/1/cwd/etc/shadow'),
  'an open file': look('r/proc/1/fd/0'),
  'which files are open': look('d/proc/1/fd'),
  'where a process has its root': look('l/proc/1/root'),
  'what a process runs': look('l/proc/1/exe'),
  'the keys of the kernel': look('r/proc/keys'),
  'a secret file': look('r/etc/shadow'),
  'a way up': look('r/proc/../etc/shadow'),
  'a way up from a file that is allowed': look('r/etc/os-release/../shadow'),
  'a way in place': look('r/proc/./1/environ'),
  'a double slash': look('r/proc//1/environ'),
  'no slash': look('retc/shadow'),
  'the inside of the kernel': look('d/sys/kernel/debug'),
  'the tracing of the kernel': look('r/sys/kernel/tracing/trace_pipe'),
  'the firmware': look('d/sys/firmware/efi/efivars'),
  'the registers of a device': look('r/sys/devices/pci0000:00/0000:00:00.0/config'),
  'a folder that holds secrets': look('d/root/.ssh'),
  'a link that leads elsewhere': look(`r${SESSION}`),
  'a NUL': look('r/proc/stat%00'),
  'a line end in a word': look('r/proc/stat%0A/etc/shadow'),
  'more than ASCII': look('r/proc/%C3%A9'),
  'half a code': look('r/proc/%'),
  'to write': look('w/proc/sys/kernel/hostname'),
  'a file by a command': run('direct', 'cat', '/etc/shadow'),
  'a command with other arguments': run('direct', 'uname', '-a'),
  'a command with more arguments': run('direct', 'uname', '-m', '-a'),
  'a command with fewer arguments': run('direct', 'uname'),
  'a command with an option before its own': run('direct', 'id', '-Z', '-un'),
  'a command by its path': run('direct', '/usr/bin/id', '-un'),
  'a command from elsewhere': run('direct', '../tmp/id', '-un'),
  'root for what needs none': run('root', 'uname', '-m'),
  'rights that are none': run('all', 'uname', '-m'),
  'a shell as root': run('root', 'sh'),
  'an empty command': run('direct', '%_'),
  'a socket that is not on the list': get('-i', '/run/dbus/system_bus_socket', '/'),
  'to change something in Docker': get('-X', '/var/run/docker.sock', '/containers/create'),
  'an option in place of a method': get('-o/tmp/x', '/var/run/docker.sock', '/containers/json'),
  'what else Docker tells': get('-i', '/var/run/docker.sock', '/containers/a/archive?path=/etc/shadow'),
  'what else Docker tells, by a way up': get('-i', '/var/run/docker.sock', '/containers/../secrets'),
  'the size of a file system by a way up': request('file_system', '/proc/../root', '-'),
};

systemSuite(['sshd'], 'the gate', () => {
  let sshd: Sshd;
  let connection: SshConnection;
  let options: SshOptions;

  beforeAll(async () => {
    sshd = await startSshd({ keyOptions: `restrict,command="${GATE}"` });
    const { address: host, port, user, keyFile, knownHostsFile } = sshd;
    options = { target: { host, port, user }, keyFile, knownHostsFile };
    connection = new SshConnection(options);
    mkdirSync('/run/systemd/sessions', { recursive: true });
    rmSync(SESSION, { force: true });
    symlinkSync('/etc/shadow', SESSION);
  });
  afterAll(async () => {
    connection.close();
    rmSync(SESSION, { force: true });
    await sshd.stop();
  });

  const ask = (command: string) =>
    connection.run({ command, input: '', maxBytes: 1_000_000, what: 'x', lastsMs: 1000 }, AbortSignal.timeout(20_000));

  it('refuses what is not on its list, with a line that says so', async () => {
    const names = Object.keys(REFUSED);
    const answers = await Promise.all(names.map((name) => ask(REFUSED[name] ?? '')));
    const seen = answers.map(({ exitCode, stderr, stdout }, index) => {
      const told = /^hostwire-gate: refused: [ -~]+$/m.test(stderr) ? 'refused' : `${stderr.slice(0, 200)}`;
      // Of a batch the mark and the end may come: nothing is between them.
      return [names[index], `${exitCode} ${told} ${stdout.toString().replaceAll(`M=${NONCE}\0`, '').replace(/^end$/, '')}`];
    });
    expect(names.length).toBeGreaterThan(60);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(names.map((name) => [name, '77 refused '])));
    expect(existsSync('/tmp/hostwire-gate-was-here')).toBe(false);
  });

  it('refuses a shell, a terminal, files by sftp, and every way to elsewhere', async () => {
    const client = await connection.client();
    const shell = await new Promise<string>((resolve) => {
      client.shell(false, (error, channel) => {
        if (error !== undefined) return resolve(String(error));
        let text = '';
        channel.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
        channel.on('close', () => resolve(text)).resume();
      });
    });
    expect(shell).toContain('hostwire-gate: refused: no request: this key opens no shell');
    const failure = (begin: (done: (error: Error | undefined) => void) => void): Promise<string> =>
      new Promise((resolve) => begin((error) => resolve(error?.message ?? 'open')));
    expect(await failure((done) => client.shell((error) => done(error)))).toMatch(/pseudo-terminal/i);
    expect(await failure((done) => client.sftp((error) => done(error)))).not.toBe('open');
    expect(await failure((done) => client.forwardOut('127.0.0.1', 0, '127.0.0.1', sshd.port, (error) => done(error)))).not.toBe('open');
    expect(await failure((done) => client.openssh_forwardOutStreamLocal('/var/run/docker.sock', (error) => done(error)))).not.toBe('open');
    expect(await failure((done) => client.forwardIn('127.0.0.1', 0, (error) => done(error)))).not.toBe('open');
  });

  describe('lets through what is on its list', () => {
    it('and takes for no failure of the rest what it refuses of many', async () => {
      const host = new SshHost(options);
      const read = await host.readFiles(['/proc/stat', '/proc/1/environ', '/proc/none', '/etc/os-release', '/sys/class/net/lo/mtu']);
      expect(read.map((text) => (typeof text === 'string' ? text.length > 0 : text.code))).toEqual([true, 'EACCES', 'ENOENT', true, true]);
      expect(await host.readDir('/proc')).toContain('1');
      expect(await host.readLink('/sys/class/net/lo')).toContain('virtual/net/lo');
      expect(await host.statFs('/')).toMatchObject({ blockSize: expect.any(Number) });
      await expect(host.statFs('/etc')).rejects.toMatchObject({ code: 'ENOENT' });
      expect((await host.exec('uname', ['-m'])).stdout).toMatch(/^\w+\n$/);
      await expect(host.exec('uname', ['-a'])).rejects.toMatchObject({
        code: 'EACCES',
        message: expect.stringContaining('infra/deploy-key.sh'),
      });
      await expect(host.request({ socketPath: '/run/x.sock', path: '/' })).rejects.toMatchObject({ code: 'EACCES' });
      await host.close();
    });
  });
});
