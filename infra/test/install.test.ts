import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { makeArchive, sandbox, serve } from './install.testkit.ts';

const PIN = 'sha256//AAAA=';
const ENROL = ['--server', 'https://server:8080', '--pin', PIN, '--host', 'pi-04', '--code', 'GOOD'];
/** What is asked of the machine, and changes nothing. */
const isQuestion = (call: string): boolean => /^(id|uname|getconf|df|getent|sleep|systemctl (--user )?show)\b/.test(call);

describe('install.sh for an agent', () => {
  systemSuite(['dash', 'busybox'], 'in the shells of small systems', () => {
    it.each([[['dash']], [['busybox', 'ash']], [['bash']]])('gets, checks, enrols and starts it: %s', (shell) => {
      const box = sandbox();
      const { code, text, calls } = box.install(ENROL, { shell, stdin: true });
      expect(text).toContain('The agent is connected to mqtts://server:8883.');
      expect(code).toBe(0);
      expect(calls.filter((call) => !isQuestion(call)).map((call) => call.replace(/\.work\.\d+/, '.work'))).toEqual([
        `curl -fsSk --pinnedpubkey ${PIN} --connect-timeout 15 -o /root/opt/hostwire-agent/.work/SHA256SUMS https://server:8080/download/SHA256SUMS`,
        `curl -fsSk --pinnedpubkey ${PIN} --connect-timeout 15 -o /root/opt/hostwire-agent/.work/hostwire-agent-1.0.0-linux-x64.tar.gz https://server:8080/download/hostwire-agent-1.0.0-linux-x64.tar.gz`,
        'chown -R 0:0 /root/opt/hostwire-agent/.work/new',
        'hostwire-agent --version',
        'useradd --system --user-group --home-dir /var/lib/hostwire-agent --no-create-home --shell /usr/sbin/nologin --comment Hostwire hostwire-agent',
        'chown hostwire-agent:hostwire-agent /root/var/lib/hostwire-agent',
        `hostwire-agent enroll --server https://server:8080 --code GOOD --config /root/etc/hostwire/agent.toml --pin ${PIN} --host pi-04`,
        'chown hostwire-agent:hostwire-agent /root/etc/hostwire/agent.toml',
        'systemctl daemon-reload',
        'systemctl enable hostwire-agent.service',
        'service.sh stop',
        'systemctl restart hostwire-agent.service',
      ]);
      const tree = box.tree();
      for (const line of [
        'etc/hostwire/agent.toml 600',
        'var/lib/hostwire-agent 700',
        'opt/hostwire-agent/current -> 1.0.0',
        'usr/local/bin/hostwire-agent -> /opt/hostwire-agent/current/bin/hostwire-agent',
        'etc/systemd/system/hostwire-agent.service 644',
      ]) {
        expect(tree).toContain(line);
      }
      expect(box.read('opt/hostwire-agent/settings')).toBe('default_config="/etc/hostwire/agent.toml"\nrun_as=hostwire-agent\n');
    });
  });

  it('changes nothing when the same command comes again', () => {
    const box = sandbox();
    box.install(ENROL);
    const before = box.tree();
    const config = box.read('etc/hostwire/agent.toml');
    const { code, text, calls } = box.install(ENROL);
    expect(text).toContain('The code was refused, so the configuration in /root/etc/hostwire/agent.toml stays as it is');
    expect(code).toBe(0);
    expect(box.tree()).toEqual(before);
    expect(box.read('etc/hostwire/agent.toml')).toBe(config);
    expect(calls.join('\n')).not.toContain('useradd');
  });

  it('upgrades: configuration, data and user stay, the old version goes', () => {
    const box = sandbox();
    box.install(ENROL);
    writeFileSync(join(box.root, 'var/lib/hostwire-agent/spool'), 'samples');
    serve(box.served, makeArchive(tempDir(), { version: '1.1.0' }));
    const { code, calls } = box.install(['--server', 'https://server:8080', '--pin', PIN]);
    expect(code).toBe(0);
    expect(calls.filter((call) => call.startsWith('systemctl restart'))).toHaveLength(1);
    const tree = box.tree().join('\n');
    expect(tree).toContain('opt/hostwire-agent/current -> 1.1.0');
    expect(tree).not.toContain('opt/hostwire-agent/1.0.0');
    expect(tree).not.toContain('.work');
    expect(box.read('etc/hostwire/agent.toml')).toBe('token = "t"\n');
    expect(box.read('var/lib/hostwire-agent/spool')).toBe('samples');
    expect(box.read('etc/systemd/system/hostwire-agent.service')).toBe('# 1.1.0\n');
  });

  it('waits for its configuration where there is no code, and does not start where it must not', () => {
    const box = sandbox();
    const archive = makeArchive(tempDir(), { version: '1.0.0' });
    const { code, text, calls } = box.install(['--archive', archive, '--no-start']);
    expect(code).toBe(0);
    expect(text).toContain('Not checked: there is no SHA256SUMS beside');
    expect(calls).toContain('systemctl enable hostwire-agent.service');
    expect(calls.join('\n')).not.toMatch(/systemctl (re)?start/);
    expect(box.install(['--archive', archive]).text).toContain('It waits for its configuration: hostwire-agent enroll, or write /etc');
  });

  it('lets the agent ask Docker only where that is asked for and there is one', () => {
    const box = sandbox();
    const refused = box.install([...ENROL, '--docker']);
    expect(refused.text).toContain('there is no group docker here');
    box.stub('getent', ':');
    const { calls } = box.install(['--server', 'https://server:8080', '--docker']);
    expect(calls).toContain('usermod -aG docker hostwire-agent');
  });

  it('gets it with wget, and not with one that cannot check the key', () => {
    const box = sandbox();
    box.unstub('curl');
    expect(box.install(ENROL).text).toContain('there is neither curl nor wget here; copy the archive to this host');
    box.stub('wget', 'case $1 in --help) echo usage ;; esac');
    expect(box.install(ENROL).text).toContain("this wget cannot check the server's key");
    box.stub('wget', 'case $1 in --help) echo "  --pinnedpubkey=FILE" ;; *) cp "$STATE/served/$(basename "$7")" "$6" ;; esac');
    const { code, calls } = box.install(ENROL);
    expect(code).toBe(0);
    expect(calls.find((call) => call.startsWith('wget -q'))).toMatch(
      /^wget -q --max-redirect=0 --no-check-certificate --pinnedpubkey=sha256\/\/AAAA= -O \S+SHA256SUMS https:\/\/server:8080\/download\/SHA256SUMS$/,
    );
  });

  it('takes a certificate that the system trusts without a pin', () => {
    const { code, calls } = sandbox().install(['--server', 'https://server:8080', '--code', 'GOOD']);
    expect(code).toBe(0);
    expect(calls.filter((call) => call.startsWith('curl')).every((call) => call.startsWith('curl -fsS --connect-timeout'))).toBe(true);
  });
});

describe('install.sh elsewhere than on systemd', () => {
  const withoutSystemd = (): ReturnType<typeof sandbox> => {
    const box = sandbox();
    box.unstub('systemctl');
    rmSync(join(box.root, 'run/systemd'), { recursive: true });
    return box;
  };

  it('OpenRC', () => {
    const box = withoutSystemd();
    for (const path of ['run/openrc', 'etc/init.d']) mkdirSync(join(box.root, path), { recursive: true });
    for (const name of ['rc-service', 'rc-update']) box.stub(name, ':');
    const { calls, code } = box.install([...ENROL, '--no-start']);
    expect(code).toBe(0);
    expect(calls).toContain('rc-update add hostwire-agent default');
    expect(box.tree()).toContain('etc/init.d/hostwire-agent 755');
    const removed = box.install(['--uninstall']);
    expect(removed.calls.filter((call) => !isQuestion(call))).toEqual([
      'rc-service hostwire-agent stop',
      'service.sh stop',
      'rc-update del hostwire-agent default',
    ]);
    expect(box.tree().join('\n')).not.toContain('init.d/hostwire-agent');
  });

  it('SysV', () => {
    const box = withoutSystemd();
    for (const path of ['proc/1', 'etc/init.d']) mkdirSync(join(box.root, path), { recursive: true });
    writeFileSync(join(box.root, 'proc/1/comm'), 'init\n');
    writeFileSync(join(box.root, 'etc/inittab'), '');
    box.stub('update-rc.d', ':');
    const { calls } = box.install([...ENROL, '--no-start']);
    expect(calls).toContain('update-rc.d hostwire-agent defaults');
    expect(box.tree()).toContain('etc/init.d/hostwire-agent 755');
    const removed = box.install(['--uninstall']);
    expect(removed.calls).toContain('service.sh stop');
    expect(removed.calls).toContain('update-rc.d hostwire-agent remove');
  });

  it('nothing: it runs now, and says that it will not start at boot', () => {
    const box = withoutSystemd();
    mkdirSync(join(box.root, 'var/log'), { recursive: true });
    const log = join(box.root, 'var/log/hostwire-agent.log');
    writeFileSync(log, '{"msg":"connected to the broker"}\n');
    box.stub('sleep', `echo '{"msg":"cannot connect to the broker: no answer"}' >>'${log}'`);
    const { code, text, calls } = box.install(ENROL);
    expect(calls).toContain('service.sh restart');
    expect(text).toContain('it will not start at boot by itself: /opt/hostwire-agent/current/share/service.sh start');
    expect(text).toContain('runs, but is not connected yet: cannot connect to the broker: no answer. It goes on trying');
    expect(code).toBe(5);
    box.stub('sleep', `echo '{"level":30,"msg":"connected to the broker"}' >>'${log}'`);
    expect(box.install(ENROL).text).toContain('The agent is connected to the broker.');
  });
});

describe('install.sh --user', () => {
  it('needs no root and writes below the home directory only', () => {
    const box = sandbox();
    expect(box.install([...ENROL, '--user']).text).toContain('--user is for users other than root');
    box.stub('id', 'echo 1000');
    const before = box.tree();
    const { code, calls } = box.install([...ENROL, '--user']);
    expect(code).toBe(0);
    expect(calls).toContain('systemctl --user restart hostwire-agent.service');
    expect(calls).toContain('loginctl enable-linger');
    expect(calls.join('\n')).not.toMatch(/^(useradd|chown)/m);
    const made = box.tree().filter((line) => !before.includes(line));
    expect(made.filter((line) => !line.startsWith('home'))).toEqual([]);
    expect(made).toContain('home/me/.config/hostwire/agent.toml 600');
    expect(made).toContain('home/me/.local/state/hostwire-agent 700');
    expect(box.read('home/me/.config/systemd/user/hostwire-agent.service')).toBe('# of a user, 1.0.0\n');
    box.install(['--user', '--uninstall', '--purge']);
    expect(box.tree().filter((line) => /hostwire/.test(line))).toEqual([]);
  });
});

describe('install.sh for a server', () => {
  it('writes a configuration once, and prints a link', () => {
    const box = sandbox();
    const archive = makeArchive(tempDir(), { version: '1.0.0', component: 'server' });
    const { code, text } = box.install(['--archive', archive, '--listen', '0.0.0.0']);
    expect(text).toContain('A link to the dashboard: http://127.0.0.1:8080/login#code=x');
    expect(code).toBe(0);
    expect(box.read('etc/hostwire/hostwire.toml')).toBe('data_dir = "/var/lib/hostwire"\nlisten = "0.0.0.0"\n');
    expect(box.tree()).toContain('etc/hostwire/hostwire.toml 600');
    box.install(['--archive', archive]);
    expect(box.read('etc/hostwire/hostwire.toml')).toContain('0.0.0.0');
    expect(box.install(['--component', 'server', '--server', 'https://other:8080']).code).toBe(2);
  });
});

describe('install.sh --uninstall', () => {
  it('leaves configuration, data and user; with --purge nothing', () => {
    const box = sandbox();
    const before = box.tree();
    box.install(ENROL);
    const { calls, text } = box.install(['--uninstall']);
    expect(calls.filter((call) => !isQuestion(call))).toEqual([
      'systemctl stop hostwire-agent.service',
      'service.sh stop',
      'systemctl disable hostwire-agent.service',
      'systemctl daemon-reload',
      'systemctl reset-failed hostwire-agent.service',
    ]);
    expect(text).toContain('Kept: /root/etc/hostwire/agent.toml, /root/var/lib/hostwire-agent, the user hostwire-agent');
    const left = box.tree().filter((line) => !before.includes(line));
    expect(left.filter((line) => /hostwire/.test(line))).toEqual([
      'etc/hostwire 755',
      'etc/hostwire/agent.toml 600',
      'var/lib/hostwire-agent 700',
    ]);
    expect(box.install(['--uninstall']).text).toContain('hostwire-agent is not installed here');
    const purged = box.install(['--uninstall', '--purge']);
    expect(purged.calls).toContain('userdel hostwire-agent');
    expect(box.tree().filter((line) => /hostwire/.test(line))).toEqual([]);
  });
});

describe('install.sh --dry-run', () => {
  it('says what would be done, and does none of it', () => {
    const box = sandbox();
    const before = box.tree();
    const planned = box.install([...ENROL, '--dry-run']);
    expect(planned.calls.filter((call) => !isQuestion(call))).toEqual([]);
    expect(box.tree()).toEqual(before);
    expect(planned.text).toContain(
      'would enrol this host as pi-04 with https://server:8080 and write /root/etc/hostwire/agent.toml (0600)',
    );
    box.install(ENROL);
    const installed = box.tree();
    const removal = box.install(['--uninstall', '--purge', '--dry-run']);
    expect(removal.calls.filter((call) => !isQuestion(call))).toEqual([]);
    expect(removal.text).toContain('would remove /root/etc/hostwire/agent.toml, /root/var/lib/hostwire-agent and the user hostwire-agent');
    expect(box.tree()).toEqual(installed);
  });
});
