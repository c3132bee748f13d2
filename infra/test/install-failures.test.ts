import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { makeArchive, type Sandbox, SCRIPT, sandbox, serve } from './install.testkit.ts';

const SERVER = ['--server', 'https://server:8080', '--pin', 'sha256//AAAA='];
const ENROL = [...SERVER, '--code', 'GOOD'];

/** What can go wrong at a first installation: how it is brought about, the sentence, the exit code. */
const FAILURES: readonly [what: string, prepare: (box: Sandbox) => void, sentence: string, code?: number, args?: readonly string[]][] = [
  ['not root', (box) => box.stub('id', 'echo 1000'), 'must be run as root: sudo sh install.sh'],
  [
    'another architecture',
    (box) => box.stub('uname', 'case $1 in -s) echo Linux ;; -m) echo armv7l ;; esac'),
    'there is no package for armv7l',
  ],
  ['another system', (box) => box.stub('uname', 'echo FreeBSD'), "this is FreeBSD; Hostwire's packages are for Linux"],
  ['32 bits below a 64-bit kernel', (box) => box.stub('getconf', 'echo 32'), 'this system is 32-bit; install a 64-bit system'],
  [
    'no room',
    (box) => box.stub('df', 'echo header; echo "/dev/mmcblk0p2 100000 90000 10000 90% /"'),
    '/root/opt/hostwire-agent has 9 MB free, and 200 MB are needed',
  ],
  ['a server with another key', (box) => box.stub('curl', 'exit 90'), 'this is not the server that gave you the command', 4],
  ['a download that is refused', (box) => box.stub('curl', 'exit 22'), 'could not be loaded (see above); is the server up'],
  [
    'a checksum that is not right',
    (box) => writeFileSync(join(box.served, 'hostwire-agent-1.0.0-linux-x64.tar.gz'), 'changed on the way'),
    'is damaged or was changed: its SHA-256 is',
  ],
  [
    'no package for this architecture',
    (box) => serve(box.served, makeArchive(tempDir(), { version: '1.0.0', arch: 'arm64' })),
    'https://server:8080 has no package of the agent for x64',
  ],
  [
    'a file name that leads elsewhere',
    (box) => writeFileSync(join(box.served, 'SHA256SUMS'), 'aa  hostwire-agent-../../../etc-linux-x64.tar.gz\n'),
    'has no package of the agent for x64',
  ],
  ['an archive that is not whole', (box) => box.stub('tar', 'exit 1'), 'cannot be unpacked; is the disk full'],
  [
    'a program that does not run',
    (box) => serve(box.served, makeArchive(tempDir(), { version: '1.0.0', program: 'exit 127' })),
    'the program does not run here (see above); it needs glibc 2.28',
  ],
  ['a user that cannot be made', (box) => box.stub('useradd', 'exit 9'), 'the user hostwire-agent could not be made (see above)'],
  ['a code that is refused', () => undefined, 'this host was not enrolled (see above)', 3, [...SERVER, '--code', 'WRONG']],
  [
    'a server that is not to be trusted',
    (box) => serve(box.served, makeArchive(tempDir(), { version: '1.0.0', program: '[ "$1" = --version ] || exit 4' })),
    'this host was not enrolled (see above)',
    4,
  ],
  [
    'a unit that systemd refuses',
    (box) => box.stub('systemctl', '[ "$1" != enable ]'),
    'hostwire-agent.service could not be enabled',
    1,
    SERVER,
  ],
  [
    'a service that does not start',
    (box) => box.stub('systemctl', '[ "$1" != restart ]'),
    'hostwire-agent did not start (see above',
    1,
    SERVER,
  ],
];

describe('a first installation that fails', () => {
  it.each(FAILURES)('%s: says so and leaves nothing behind', (_, prepare, sentence, expected = 1, args = ENROL) => {
    const box = sandbox();
    prepare(box);
    const before = box.tree();
    const { code, text, calls } = box.install(args);
    expect(text).toContain(sentence);
    expect(code).toBe(expected);
    expect(box.tree()).toEqual(before);
    if (calls.some((call) => call.startsWith('useradd')) && !sentence.includes('could not be made'))
      expect(calls).toContain('userdel hostwire-agent');
    if (calls.some((call) => /^systemctl restart/.test(call))) {
      expect(calls.indexOf('systemctl stop hostwire-agent.service')).toBeGreaterThan(
        calls.indexOf('systemctl restart hostwire-agent.service'),
      );
    }
  });

  it('keeps the configuration where the code is used by then', () => {
    const box = sandbox();
    box.stub('systemctl', '[ "$1" != restart ]');
    const { text } = box.install(ENROL);
    expect(text).toContain('Kept: /root/etc/hostwire/agent.toml, as its code is used by now');
    expect(box.tree().filter((line) => /hostwire/.test(line))).toEqual([
      'etc/hostwire 755',
      'etc/hostwire/agent.toml 600',
      'var/lib/hostwire-agent 700',
    ]);
    box.stub('systemctl', 'case $* in *show*) echo connected to it ;; esac');
    expect(box.install(SERVER).text).toContain('The agent is connected to it.');
  });

  it('does not put a program of somebody else away', () => {
    const box = sandbox();
    box.install(SERVER);
    box.install(['--uninstall', '--purge']);
    writeFileSync(join(box.root, 'usr/local/bin/hostwire-agent'), 'mine');
    expect(box.install(SERVER).text).toContain('/root/usr/local/bin/hostwire-agent is another program');
    expect(box.read('usr/local/bin/hostwire-agent')).toBe('mine');
  });
});

describe('an upgrade that fails', () => {
  const installed = (): Sandbox => {
    const box = sandbox();
    box.install(ENROL);
    serve(box.served, makeArchive(tempDir(), { version: '2.0.0' }));
    return box;
  };

  it.each([
    ['the download', (box: Sandbox) => box.stub('curl', 'exit 22'), false],
    ['the new version', (box: Sandbox) => serve(box.served, makeArchive(tempDir(), { version: '2.0.0', program: 'exit 1' })), false],
    [
      'the start',
      (box: Sandbox) =>
        box.stub('systemctl', '[ "$1" != restart ] || [ "$(readlink "$HOSTWIRE_INSTALL_ROOT/opt/hostwire-agent/current")" = 1.0.0 ]'),
      true,
    ],
  ])('%s: the old version goes on', (_, prepare, isRestarted) => {
    const box = installed();
    const before = box.tree();
    prepare(box);
    const { code, calls } = box.install(SERVER);
    expect(code).toBe(1);
    expect(box.tree()).toEqual(before);
    expect(box.read('etc/systemd/system/hostwire-agent.service')).toBe('# 1.0.0\n');
    expect(calls.filter((call) => /^systemctl re/.test(call))).toHaveLength(isRestarted ? 2 : 0);
  });

  it('so that the same version again puts it back as it was', () => {
    const box = sandbox();
    box.install(ENROL);
    const before = box.tree();
    box.stub('systemctl', '[ "$1" != daemon-reload ]');
    expect(box.install(SERVER).code).toBe(1);
    expect(box.tree()).toEqual(before);
  });
});

describe('two runs at once', () => {
  it('leaves what the first does alone', () => {
    const box = sandbox();
    symlinkSync(String(process.pid), join(box.root, 'opt/hostwire-agent.lock'));
    const before = box.tree();
    const { code, text } = box.install(ENROL);
    expect(text).toContain(`hostwire-agent is being installed by another run (process ${process.pid})`);
    expect(code).toBe(1);
    expect(box.tree()).toEqual(before);
  });

  it('is not stopped by a run that was killed', () => {
    const box = sandbox();
    const { pid } = spawnSync(process.execPath, ['--version']);
    symlinkSync(String(pid), join(box.root, 'opt/hostwire-agent.lock'));
    expect(box.install(ENROL).code).toBe(0);
    expect(box.tree().join()).not.toContain('.lock');
  });
});

describe('a server on this machine', () => {
  it.each(['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080/', 'http://127.0.0.1'])('may be %s', (server) => {
    expect(sandbox().install(['--server', server]).code).toBe(0);
  });
});

describe('a script that came only in part', () => {
  it('does nothing, wherever it was cut off', () => {
    const box = sandbox();
    const before = box.tree();
    const whole = readFileSync(SCRIPT, 'utf8');
    const part = join(tempDir(), 'part.sh');
    for (let length = 200; length < whole.length - 20; length += 997) {
      writeFileSync(part, whole.slice(0, length));
      const { calls } = box.install(ENROL, { shell: ['dash'], script: part, stdin: true });
      expect(calls).toEqual([]);
    }
    expect(box.tree()).toEqual(before);
  });
});

describe('a command line that cannot be used', () => {
  it.each([
    [['--bad'], 'unknown option --bad; --help lists the options'],
    [['--server'], '--server needs a value'],
    [['--server', 'http://192.0.2.1:8080'], 'only https:// is taken'],
    [['--server', 'http://127.example.org:8080'], 'only https:// is taken'],
    [['--server', 'http://127.0.0.1@192.0.2.1:8080'], 'only https:// is taken'],
    [['--server', 'http://127.0.0.1:80@192.0.2.1'], 'only https:// is taken'],
    [['--server', 'http://localhost.example.org'], 'only https:// is taken'],
    [['--server', 'http://[::1].example.org:8080'], 'only https:// is taken'],
    [['--server', 'https://server', '--pin', 'abc'], '--pin abc is no pin; it begins with sha256//'],
    [['--code', 'GOOD'], '--code needs --server'],
    [['--component', 'web'], '--component web is neither agent nor server'],
    [['--purge'], '--purge belongs to --uninstall'],
    [[], 'nothing to install: give --archive FILE, or --server URL'],
    [['--listen=example.org'], '--listen example.org is no IP address'],
  ])('%j', (args, sentence) => {
    const { code, text } = sandbox().install(args);
    expect(text).toContain(sentence);
    expect(code).toBe(2);
  });

  it('refuses an archive of the other program, or another machine', () => {
    const box = sandbox();
    const agent = makeArchive(tempDir(), { version: '1.0.0', arch: 'arm64' });
    expect(box.install(['--archive', agent]).text).toContain('this archive is for arm64, and this machine is x64');
    expect(box.install(['--archive', agent, '--component', 'server']).code).toBe(2);
    expect(box.install(['--archive', '/nowhere.tar.gz']).text).toContain('there is no such file');
    expect(box.install(['--help']).text).toContain('Usage: install.sh [options]');
  });
});
