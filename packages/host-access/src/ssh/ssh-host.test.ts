import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, type Sshd, type SshdOptions, startSshd, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SshHost } from './ssh-host.ts';
import type { Reach, SshOptions } from './ssh-options.ts';

async function sshd(options: SshdOptions = {}): Promise<Sshd> {
  const started = await startSshd(options);
  onTestFinished(() => started.stop());
  return started;
}

function open({ address, port, user, keyFile, knownHostsFile }: Sshd, change: Partial<SshOptions> = {}): SshHost {
  const target = { host: address, port, user };
  const timing = { minDelayMs: 100, maxDelayMs: 300, refusedDelayMs: 60_000, connectMs: 5_000, ...change.timing };
  const host = new SshHost({ target, keyFile, knownHostsFile, ...change, timing });
  onTestFinished(() => host.close());
  return host;
}

const UPTIME = '/proc/uptime';

systemSuite(['sshd', 'ssh-keygen'], 'SshHost', () => {
  describe('knows whom it speaks to', () => {
    it('refuses a key that is not pinned, that has changed, or is revoked, with a sentence', async () => {
      const served = await sshd();
      const name = `[${served.address}]:${served.port}`;
      const file = join(tempDir(), 'known_hosts');
      const refused = async (text: string, change: Partial<SshOptions> = {}): Promise<string> => {
        writeFileSync(file, text);
        const host = open(served, { knownHostsFile: file, ...change });
        const failure = await host.readFile(UPTIME).catch((error: Error & { code: string }) => error);
        expect(failure).toMatchObject({ code: 'unreachable' });
        expect(host.reach).toMatchObject({ reachable: false, refused: true });
        return (failure as Error).message;
      };
      execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', '', '-f', join(served.folder, 'other')]);
      const other = readFileSync(join(served.folder, 'other.pub'), 'utf8');
      expect(await refused('')).toContain('ssh-keyscan -p');
      expect(await refused(`${name} ${other}`)).toContain('HAS CHANGED');
      expect(await refused(`${name} ${other}`, { acceptNew: true })).toContain('HAS CHANGED');
      expect(readFileSync(file, 'utf8')).toBe(`${name} ${other}`);
      expect(await refused(`${name} ${served.hostKey}\n@revoked * ${served.hostKey}\n`)).toContain('is revoked');
      expect(await refused('', { knownHostsFile: '/none/known_hosts' })).toContain('cannot be read');
      expect(await refused('', { knownHostsFile: '/proc/version', acceptNew: true })).toContain('cannot be written');
    });

    it('takes and writes down the key of a new host only where that is asked for, and then keeps to it', async () => {
      const served = await sshd();
      const file = join(tempDir(), 'known_hosts');
      const host = open(served, { knownHostsFile: file, acceptNew: true });
      expect(await host.readFile(UPTIME)).toMatch(/^\d/);
      expect(readFileSync(file, 'utf8')).toBe(`[${served.address}]:${served.port} ${served.hostKey}\n`);
      expect(await open(served, { knownHostsFile: file }).readFile(UPTIME)).toMatch(/^\d/);
    });
  });

  describe('says who it is', () => {
    it('by a key without a passphrase that nobody else may read, and by nothing else', async () => {
      const served = await sshd();
      const failure = async (keyFile: string): Promise<string> => {
        const host = open(served, { keyFile });
        const error = await host.readFile(UPTIME).catch((thrown: Error) => thrown);
        return (error as Error).message;
      };
      const at = (name: string): string => join(served.folder, name);
      execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', 'phrase', '-f', at('locked')]);
      execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'rsa', '-b', '2048', '-m', 'PEM', '-N', 'phrase', '-f', at('locked-pem')]);
      execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', '', '-f', at('stranger')]);
      copyFileSync(served.keyFile, at('open'));
      chmodSync(at('open'), 0o640);
      writeFileSync(at('noise'), 'noise', { mode: 0o600 });
      expect(await failure(at('locked'))).toContain('has a passphrase');
      expect(await failure(at('locked-pem'))).toContain('has a passphrase');
      expect(await failure(at('open'))).toContain('chmod 600');
      expect(await failure(at('noise'))).toContain('no private key');
      expect(await failure(at('none'))).toContain('cannot be read');
      expect(await failure(at('stranger'))).toContain('refuses the key');
    });

    it('also through a jump host, whose key is looked at too', async () => {
      const [jump, served] = await Promise.all([sshd(), sshd()]);
      const file = join(tempDir(), 'known_hosts');
      copyFileSync(served.knownHostsFile, file);
      appendFileSync(join(jump.folder, 'authorized_keys'), readFileSync(`${served.keyFile}.pub`));
      const way = { jump: { host: jump.address, port: jump.port, user: jump.user }, knownHostsFile: file };
      await expect(open(served, way).readFile(UPTIME)).rejects.toMatchObject({
        message: expect.stringContaining(`has no key of [${jump.address}]:${jump.port}`),
      });
      appendFileSync(file, readFileSync(jump.knownHostsFile));
      const host = open(served, way);
      expect(await host.readFile(UPTIME)).toMatch(/^\d/);
      const told: boolean[] = [];
      host.onReach(({ reachable }) => told.push(reachable));
      await jump.kill();
      await waitFor(() => told.includes(false));
      await jump.restart();
      await waitFor(() => told.at(-1) === true);
      await waitFor(() => host.readFile(UPTIME).catch(() => null), { what: 'an answer' });
    });
  });

  it('keeps one connection, with fewer channels at once than sshd allows, and few round trips', async () => {
    const served = await sshd({ config: ['MaxSessions 8'] });
    const host = open(served);
    const told: Reach[] = [];
    host.onReach((reach) => told.push(reach));
    const many = await Promise.all(Array.from({ length: 30 }, (_, index) => host.exec('printf', ['%s', String(index)])));
    expect(many.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(await host.readFiles(Array.from({ length: 2_000 }, () => UPTIME))).toHaveLength(2_000);
    expect(told).toEqual([{ reachable: true }]);
  });

  it('is told to be gone and back, and what is asked meanwhile fails at once', async () => {
    const served = await sshd();
    const host = open(served);
    const told: boolean[] = [];
    host.onReach(({ reachable }) => told.push(reachable));
    await host.connect();
    const hanging = host.exec('sleep', ['60']);
    hanging.catch(() => undefined);
    await served.kill();
    await expect(hanging).rejects.toMatchObject({ code: 'unreachable' });
    await waitFor(() => told.length === 2);
    const began = performance.now();
    await host.readFile(UPTIME).catch((error: { code: string }) => expect(error.code).toBe('unreachable'));
    expect(performance.now() - began).toBeLessThan(1_000);
    await served.restart();
    await waitFor(() => told.length === 3);
    expect(told).toEqual([true, false, true]);
    expect(await host.readFile(UPTIME)).toMatch(/^\d/);
  });

  it('has the Docker socket through the same connection, bounded, and keeps nothing that it is not to', async () => {
    // The contract covers the rest: host-access.test.ts.
    const host = open(await sshd());
    await expect(host.request({ socketPath: '/run/none.sock', path: '/' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(host.request({ socketPath: '/run/none.sock', path: '/', headers: { a: 'b' } })).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  describe('a host that is not what it seems', () => {
    let served: Sshd;
    const answer = (): string => join(served.folder, 'answer.sh');

    beforeAll(async () => {
      served = await startSshd();
      const [key = ''] = readFileSync(join(served.folder, 'user_key.pub'), 'utf8').split('\n');
      writeFileSync(join(served.folder, 'authorized_keys'), `restrict,command="${answer()}" ${key}\n`);
    });
    afterAll(() => served.stop());

    /** It answers each request with what a script says; $SSH_ORIGINAL_COMMAND is the request. */
    function hostile(script: string): SshHost {
      const hello = `[ "$2" = hello ] && { printf 'M=%s\\0gate 1' "$3"; exit 0; }`;
      writeFileSync(answer(), `#!/bin/sh\nset -- $SSH_ORIGINAL_COMMAND\n${hello}\n${script}\n`, { mode: 0o755 });
      return open(served);
    }

    it('that floods is cut short', async () => {
      const host = hostile('printf "M=%s\\0" "$3"; exec cat /dev/zero');
      const asks = [host.readFile('/etc/hosts'), host.exec('id', []), host.statFs('/'), host.exec('id', [], { maxBytes: 10 })];
      for (const { reason } of (await Promise.allSettled(asks)) as PromiseRejectedResult[])
        expect(reason).toMatchObject({ code: 'too-large' });
      const loud = hostile('printf "M=%s\\0" "$3"; exec cat /dev/zero >&2');
      await expect(loud.exec('id', [])).rejects.toMatchObject({ code: 'too-large' });
    });

    it('that never answers is not waited for, and the others of its asks are', async () => {
      const host = hostile('[ "$2" = run ] && { trap "" TERM HUP PIPE; sleep 5; }; printf "M=%s\\0ok" "$3"');
      await expect(host.exec('id', [], { timeout: 200 })).rejects.toMatchObject({ code: 'timeout' });
      await expect(host.exec('id', [], { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ code: 'timeout' });
      await expect(host.statFs('/')).rejects.toMatchObject({ code: 'EIO' });
    });

    it.each([
      ['says nothing', 'exit 0'],
      ['says something else', 'echo hello'],
      ['ends in the middle', 'printf "M=%s\\0half" "$3"; kill -9 $$'],
      ['has another mark', 'printf "M=0123456789abcdef0123456789abcdef\\0x"'],
      ['sends too many frames', 'for i in 1 2 3 4; do printf "M=%s\\0x" "$3"; done; printf "M=%s\\0end" "$3"'],
      ['does not end', 'printf "M=%s\\0x" "$3"'],
    ])('that %s is told of', async (_name, script) => {
      const host = hostile(script);
      await expect(host.readFile(UPTIME)).rejects.toMatchObject({ code: 'EIO' });
      await expect(host.readDir('/proc')).rejects.toMatchObject({ code: 'EIO' });
      await expect(host.statFs('/')).rejects.toMatchObject({ code: 'EIO' });
    });

    it('whose login shell speaks first is understood all the same', async () => {
      writeFileSync(answer(), '#!/bin/sh\necho Welcome; echo warning >&2; exec sh -c "$SSH_ORIGINAL_COMMAND"\n', { mode: 0o755 });
      const host = open(served);
      expect(await host.readFile(UPTIME)).toMatch(/^[\d.]+ [\d.]+\n$/);
      expect(await host.exec('sh', ['-c', 'echo out; echo err >&2'])).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
    });
  });
});
