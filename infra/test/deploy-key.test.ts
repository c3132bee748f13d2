import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SshHost } from '@hostwire/host-access';
import { findCommand, startSshd, systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../deploy-key.sh', import.meta.url));

function run(args: readonly string[], path = process.env['PATH'] ?? '', shell: readonly string[] = ['sh']) {
  const [command = '', ...rest] = shell;
  const { status, stdout, stderr } = spawnSync(findCommand(command) ?? '', [...rest, SCRIPT, ...args], {
    encoding: 'utf8',
    env: { PATH: path },
  });
  return { code: status, stdout, stderr };
}

/** A pair of keys. */
function pair(folder: string, name: string): string {
  execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', '', '-C', 'gw $(id)', '-f', join(folder, name)]);
  return join(folder, `${name}.pub`);
}

/**
 * A machine of its own as far as users and files are concerned: this one's, and what is changed of it is gone with it. Null where this
 * user may mount none.
 */
async function machine() {
  const folder = tempDir();
  const changed = ['/etc', '/var/lib', '/usr/local'];
  const mounts = changed.map((path, index) => {
    const over = `${folder}/over/${index}`;
    return `mkdir -p ${over}/up ${over}/work && mount -t overlay overlay -o lowerdir=${path},upperdir=${over}/up,workdir=${over}/work ${path}`;
  });
  const prepare = [`mkdir -p ${folder}/over`, `mount -t tmpfs tmpfs ${folder}/over`, ...mounts].join(' && ');
  const by = ['unshare', '--mount', '--', 'sh', '-c', `${prepare} && exec "$@"`, 'sh'];
  const { status, stderr } = spawnSync(by[0] ?? '', [...by.slice(1), 'true'], { encoding: 'utf8' });
  if (status !== 0) {
    process.stdout.write(`no test with a machine of its own, this user may mount none: ${stderr.trim()}\n`);
    return null;
  }
  const sshd = await startSshd({ by, ownKeys: true });
  onTestFinished(() => sshd.stop());
  // The operator's own ssh, with a configuration of his.
  const settings = ['-p', String(sshd.port), '-o', `UserKnownHostsFile=${sshd.knownHostsFile}`, '-o', 'StrictHostKeyChecking=yes'];
  const ssh = findCommand('ssh') ?? '';
  const admin = [ssh, ...settings, '-i', sshd.keyFile, '-l', sshd.user];
  const calls = join(folder, 'calls');
  // Whoever names a key of his own comes by that one.
  const text = `#!/bin/sh\necho "$*" >>${calls}\ncase " $* " in *' -i '*) exec ${ssh} -F none ${settings.join(' ')} "$@" ;; esac\nexec ${admin.join(' ')} -F none "$@"\n`;
  writeFileSync(join(folder, 'ssh'), text, { mode: 0o755 });
  const [command = '', ...args] = admin;
  return {
    sshd,
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    ask: (line: string): string => execFileSync(command, [...args, '-F', 'none', sshd.address, line], { encoding: 'utf8' }),
    calls: () => readFileSync(calls, 'utf8').trim().split('\n'),
  };
}

systemSuite(['sshd', 'ssh', 'ssh-keygen', 'unshare', 'useradd'], 'deploy-key.sh', () => {
  it('makes user, gate and key on a host, as often as it is called, and the gate answers by the key', async ({ skip }) => {
    const made = await machine();
    if (made === null) return skip('no mounts here');
    const { sshd, path, ask } = made;
    const folder = tempDir();
    const key = pair(folder, 'gateway');
    const first = run([key, 'hostwire', sshd.address], path);
    expect([first.code, first.stderr]).toEqual([0, expect.any(String)]);
    expect(first.stderr).toContain('user hostwire made');
    expect(first.stderr).toContain('the gate answers, and refuses');
    expect(first.stderr).toContain('the gate answers by the key');
    // Lines for known_hosts, and nothing else.
    expect(first.stdout).toMatch(/^(127\.0\.0\.1 [a-z0-9@.-]+ [A-Za-z0-9+/=]+\n)*$/);
    const state = () =>
      ask(
        "stat -c '%a %U %G %n' /var/lib/hostwire /var/lib/hostwire/.ssh /var/lib/hostwire/.ssh/authorized_keys /usr/local/lib/hostwire/hostwire-gate; cat /var/lib/hostwire/.ssh/authorized_keys; getent passwd hostwire | cut -d: -f6,7; getent shadow hostwire | cut -d: -f2",
      );
    const after = state();
    const [type, blob] = readFileSync(key, 'utf8').split(' ');
    expect(after).toContain('750 root hostwire /var/lib/hostwire/.ssh\n');
    expect(after).toContain('640 root hostwire /var/lib/hostwire/.ssh/authorized_keys\n');
    expect(after).toContain('755 root root /usr/local/lib/hostwire/hostwire-gate\n');
    expect(after).toContain(`restrict,command="/usr/local/lib/hostwire/hostwire-gate" ${type} ${blob} gwid\n`);
    expect(after).toContain('/var/lib/hostwire:/bin/sh\n*\n');

    // Another key beside it, then the same again: nothing is there twice.
    const second = run([pair(folder, 'second'), 'hostwire', `root@${sshd.address}`], path);
    expect(second).toMatchObject({ code: 0 });
    expect(run([key, 'hostwire', sshd.address], path)).toMatchObject({ code: 0 });
    expect(ask('grep -c . /var/lib/hostwire/.ssh/authorized_keys').trim()).toBe('2');
    expect(ask('grep -c ^hostwire: /etc/passwd').trim()).toBe('1');

    const target = { host: sshd.address, port: sshd.port, user: 'hostwire' };
    const host = new SshHost({ target, keyFile: join(folder, 'gateway'), knownHostsFile: sshd.knownHostsFile });
    onTestFinished(() => host.close());
    expect(await host.readFile('/proc/uptime')).toMatch(/^\d/);
    expect((await host.exec('id', ['-un'])).stdout).toBe('hostwire\n');
    await expect(host.exec('cat', ['/etc/shadow'])).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('says which host failed and why, and does the others', async ({ skip }) => {
    const made = await machine();
    if (made === null) return skip('no mounts here');
    const { sshd, path, ask } = made;
    const key = pair(tempDir(), 'gateway');
    ask('useradd --system --no-create-home --shell /usr/sbin/nologin asleep');
    const asleep = run([key, 'asleep', sshd.address], path);
    expect(asleep).toMatchObject({ code: 1 });
    expect(asleep.stderr).toContain('usermod -s /bin/sh asleep');
    ask('useradd --create-home --home-dir /var/lib/person --shell /bin/sh person');
    const person = run([key, 'person', sshd.address], path);
    expect(person).toMatchObject({ code: 1 });
    expect(person.stderr).toContain('/var/lib/person belongs to somebody');
    expect(ask("stat -c '%U' /var/lib/person")).toBe('person\n');
    const some = run([key, 'hostwire', '-oProxyCommand=x;id', '127.0.0.2', sshd.address], path);
    expect(some.code).toBe(1);
    expect(some.stderr).toContain('-oProxyCommand=x;id: is no host for ssh');
    expect(some.stderr).toContain('not done on: -oProxyCommand=x;id 127.0.0.2\n');
    expect(some.stderr).toContain(`${sshd.address}: the gate answers by the key`);
  });
});

systemSuite(['sshd', 'ssh', 'ssh-keygen', 'unshare', 'useradd', 'visudo'], 'deploy-key.sh --sudoers', () => {
  it('installs the lines that visudo takes, and no others', async ({ skip }) => {
    const made = await machine();
    if (made === null) return skip('no mounts here');
    const { sshd, path, ask } = made;
    const folder = tempDir();
    const [key, sudoers] = [pair(folder, 'gateway'), join(folder, 'sudoers')];
    writeFileSync(sudoers, '# what a collector needs\nhostwire ALL=(root) NOPASSWD: /usr/bin/true\n');
    expect(run(['--sudoers', sudoers, key, 'hostwire', sshd.address], path)).toMatchObject({ code: 0 });
    expect(ask("stat -c '%a %U %G' /etc/sudoers.d/hostwire-gate").trim()).toBe('440 root root');
    writeFileSync(sudoers, 'hostwire ALL=(root NOPASSWD /usr/bin/false\n');
    const wrong = run(['--sudoers', sudoers, key, 'hostwire', sshd.address], path);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('visudo does not take the lines') });
    expect(ask('cat /etc/sudoers.d/hostwire-gate')).toContain('/usr/bin/true');
    expect(ask('ls -A /etc/sudoers.d')).not.toContain('.hostwire-gate');
  });
});

describe('deploy-key.sh, its command line', () => {
  const folder = (): { readonly key: string; readonly at: (name: string, text: string) => string } => {
    const made = tempDir();
    const at = (name: string, text: string): string => {
      writeFileSync(join(made, name), text);
      return join(made, name);
    };
    return { key: at('key.pub', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== gw\n'), at };
  };

  it.each([['sh'], ['busybox', 'sh']])('refuses what it cannot use before it connects (%s)', (...shell) => {
    if (findCommand(shell[0] ?? '') === null) return;
    const { key, at } = folder();
    for (const [args, sentence] of [
      [[], 'are needed'],
      [[key, 'root', 'h'], 'not root'],
      [[key, 'a b', 'h'], 'no name of a user'],
      [['--port', '22x', key, 'hostwire', 'h'], 'no port'],
      [['--group', 'a;b', key, 'hostwire', 'h'], 'no name of a group'],
      [['--sudo', key, 'hostwire', 'h'], 'unknown option'],
      [['/none', 'hostwire', 'h'], 'cannot be read'],
      [[at('private', '-----BEGIN OPENSSH PRIVATE KEY-----\n'), 'hostwire', 'h'], 'is a private key'],
      [[at('two', 'ssh-ed25519 AAAA\nssh-ed25519 BBBB\n'), 'hostwire', 'h'], 'one line'],
      [[at('options', 'command="x" ssh-ed25519 AAAA\n'), 'hostwire', 'h'], 'type of a key'],
      [[at('quoted', "ssh-ed25519 AA';id;' x\n"), 'hostwire', 'h'], 'no public key'],
      [['--sudoers', at('all', 'ALL ALL=(ALL) NOPASSWD: ALL\n'), key, 'hostwire', 'h'], 'does not begin with hostwire'],
    ] as const) {
      const { code, stderr } = run(args, undefined, shell);
      expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    }
    const dry = run(['--dry-run', key, 'hostwire', 'a', 'b'], '/usr/bin:/bin', shell);
    expect(dry).toMatchObject({ code: 0, stdout: '' });
    expect(dry.stderr.trim().split('\n')).toHaveLength(2);
    expect(run(['--help'], undefined, shell).stdout).toMatch(/^Usage: deploy-key\.sh/);
  });
});
