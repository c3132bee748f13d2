import { describe, expect, it } from 'vitest';
import type { Collector } from './collector.ts';
import { settingsOf } from './config.ts';
import { boundAccess, commandNeeds, isNeeded } from './needs.ts';
import { COLLECTORS } from './registry.ts';
import { TreeHost } from './tree-host.testkit.ts';

const smartctl = { command: 'smartctl', args: ['--json', { pattern: '/dev/sd[a-z]+|/dev/nvme\\d' }], sudo: true } as const;

describe('isNeeded', () => {
  it.each([
    [['smartctl', '--json', '/dev/sda'], true],
    [['smartctl', '--json', '/dev/nvme0'], true],
    [['smartctl', '--json'], false],
    [['smartctl', '--json', '/dev/sda', '-x'], false],
    [['smartctl', '--JSON', '/dev/sda'], false],
    [['/usr/sbin/smartctl', '--json', '/dev/sda'], false],
    [['smartctl', '--json', '/dev/sda /dev/sdb'], false],
    [['smartctl', '--json', '/dev/sda\n'], false],
    [['smartctl', '--json', 'x/dev/sda'], false],
    [['smartctl', '--json', '/dev/nvme0n1'], false],
  ])('%j: %s', (asked, expected) => {
    expect(isNeeded(smartctl, asked, true)).toBe(expected);
  });

  it('makes nobody root who did not ask for it', () => {
    expect(isNeeded({ command: 'df', args: [] }, ['df'], true)).toBe(false);
    expect(isNeeded({ command: 'df', args: [] }, ['df'], false)).toBe(true);
  });
});

describe('boundAccess', () => {
  it('runs what is declared or configured, and nothing else', async () => {
    const collector = {
      ...(COLLECTORS[0] as Collector),
      needs: { commands: [{ command: 'zpool', args: ['list'] }] },
      configuredNeeds: (options: unknown) => ({ commands: [{ command: (options as { tool: string }).tool, args: [] }] }),
    };
    const result = { exitCode: 0, stdout: 'x', stderr: '' };
    const host = new TreeHost({ commands: { 'zpool list': result, own: result, 'rm -rf /': result } });
    const access = boundAccess(host, collector, { tool: 'own' });
    expect(await access.exec('zpool', ['list'])).toEqual(result);
    expect(await access.exec('own', [])).toEqual(result);
    const asked = [...host.asked];
    await expect(access.exec('rm', ['-rf', '/'])).rejects.toMatchObject({
      code: 'EPERM',
      message: expect.stringContaining('needs.commands'),
    });
    await expect(access.exec('zpool', ['list'], { sudo: true })).rejects.toMatchObject({ code: 'EPERM' });
    expect(host.asked).toEqual(asked);
  });
});

describe.each(COLLECTORS.map((collector) => [collector.name, collector] as const))('what %s needs', (_, collector) => {
  it('can be granted word by word', () => {
    for (const { command, args } of commandNeeds(collector, settingsOf(collector, {}).options)) {
      expect(command).toMatch(/^[A-Za-z0-9._-]+$/);
      for (const arg of args) {
        // A word that is two, or a pattern that takes everything, would grant more than was meant.
        if (typeof arg === 'string') expect(arg).toMatch(/^[!-~]+$/);
        else for (const other of ['a b', '', '-x;id', '$(id)', '../../etc/shadow']) expect(arg).not.toSatisfy(takes(other));
      }
    }
    for (const file of collector.needs?.files ?? []) expect(file).toMatch(/^\/[^\s]*[^\s*/]/);
    for (const { path, get } of collector.needs?.sockets ?? []) {
      // A star is one folder, such as that of a user.
      expect(path).toMatch(/^(\/([\w.-]+|\*))+$/);
      for (const each of get) expect(each).toMatch(/^\/[!-~]*$/);
    }
  });
});

function takes(text: string) {
  return ({ pattern }: { readonly pattern: string }) => new RegExp(`^(?:${pattern})$`, 's').test(text);
}
