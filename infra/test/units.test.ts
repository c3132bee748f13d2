import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';

const UNITS = fileURLToPath(new URL('../systemd', import.meta.url));
/** Worst exposure that systemd-analyze may see, in tenths: what docs/guides/install.md says. */
const EXPOSURE = { 'hostwire-agent.service': 19, 'hostwire.service': 17 };

/** A copy of a unit whose program exists here, as systemd-analyze looks for it. */
function unit(name: string): string {
  const folder = tempDir();
  mkdirSync(join(folder, 'user'));
  const text = readFileSync(join(UNITS, name), 'utf8');
  expect(text).toMatch(/^ExecStart=(\/opt\/|%h\/\.local\/lib\/)/m);
  writeFileSync(join(folder, name), text.replace(/^(ExecStart=)\S+/m, '$1/bin/true'));
  return join(folder, name);
}

systemSuite(['systemd-analyze'], 'the units', () => {
  const analyze = findCommand('systemd-analyze') ?? '';

  it.each(['hostwire-agent.service', 'hostwire.service', 'user/hostwire-agent.service', 'user/hostwire.service'])('%s is clean', (name) => {
    const scope = name.startsWith('user/') ? ['--user'] : [];
    const env = { ...process.env, XDG_RUNTIME_DIR: tempDir() };
    const { status, stdout, stderr } = spawnSync(analyze, [...scope, 'verify', unit(name)], { encoding: 'utf8', env });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });

  it.each(Object.entries(EXPOSURE))('%s is exposed to %i tenths at most', (name, tenths) => {
    const args = ['security', '--offline=true', '--no-pager', `--threshold=${tenths}`, unit(name)];
    expect(execFileSync(analyze, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).toContain('Overall exposure level');
  });

  it('the drop-in for sudo takes back all that would keep it from becoming root, and nothing of it is taken for granted', () => {
    const file = unit('hostwire-agent.service');
    const security = (): Record<string, string> => {
      const text = execFileSync(analyze, ['security', '--offline=true', '--no-pager', '--json=short', file], { encoding: 'utf8' });
      const found = JSON.parse(text) as { json_field: string; set: boolean | null }[];
      return Object.fromEntries(found.map(({ json_field: name, set }) => [name, String(set)]));
    };
    const before = security();
    expect(before['NoNewPrivileges']).toBe('true');
    mkdirSync(`${file}.d`);
    copyFileSync(join(UNITS, 'hostwire-agent-sudo.conf'), join(`${file}.d`, 'sudo.conf'));
    const after = security();
    expect(spawnSync(analyze, ['verify', file], { encoding: 'utf8' }).stderr).toBe('');
    const implying = [
      'PrivateDevices',
      'ProtectKernelTunables',
      'ProtectKernelModules',
      'ProtectKernelLogs',
      'ProtectClock',
      'LockPersonality',
    ];
    for (const name of ['NoNewPrivileges', 'RestrictRealtime', 'RestrictSUIDSGID', 'SystemCallArchitectures', ...implying]) {
      expect([name, after[name]]).toEqual([name, 'false']);
    }
    expect(
      Object.entries(after).filter(
        ([name, set]) => /^SystemCallFilter|^RestrictNamespaces|^RestrictAddressFamilies/.test(name) && set === 'true',
      ),
    ).toEqual([]);
    // Becoming root is all that is given back: what the unit says of files holds on.
    for (const name of ['ProtectHome', 'ProtectControlGroups']) expect([name, after[name]]).toEqual([name, before[name]]);
    expect(after['CapabilityBoundingSet_CAP_NET_ADMIN']).toBe(before['CapabilityBoundingSet_CAP_NET_ADMIN']);
  });

  it.each(['hostwire-agent', 'hostwire'])('%s has a watchdog, starts again, and may do nothing that it need not', (name) => {
    const lines = readFileSync(join(UNITS, `${name}.service`), 'utf8').split('\n');
    const wanted = [
      'Type=notify',
      'NotifyAccess=all',
      'Restart=always',
      `User=${name}`,
      'CapabilityBoundingSet=',
      'ProtectSystem=strict',
      'NoNewPrivileges=yes',
    ];
    for (const line of wanted) expect(lines).toContain(line);
    expect(lines.some((line) => /^WatchdogSec=\d+$/.test(line))).toBe(true);
    expect(lines.some((line) => /^MemoryMax=/.test(line))).toBe(true);
  });
});
