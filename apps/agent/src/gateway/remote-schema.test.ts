import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { type AgentConfig, loadConfig } from '../agent-config.ts';
import { remoteConfig, sshOptions } from './remote-agents.ts';
import { parseJump } from './remote-schema.ts';

/** The configuration with these lines and a pair of keys beside it. */
function write(lines: (folder: string) => readonly string[]): string {
  const folder = tempDir();
  execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  execFileSync(findCommand('ssh-keygen') ?? '', ['-q', '-t', 'ed25519', '-N', 'phrase', '-f', join(folder, 'locked')]);
  writeFileSync(join(folder, 'known_hosts'), '');
  const file = join(folder, 'agent.toml');
  writeFileSync(file, ['server_url = "mqtt://127.0.0.1"', 'token = "t"', 'host_id = "gw"', ...lines(folder)].join('\n'));
  return file;
}

const load = (lines: (folder: string) => readonly string[]): Promise<AgentConfig> =>
  loadConfig(write(lines), {}, { connect: true, mustExist: true });
const problems = (lines: (folder: string) => readonly string[]): Promise<string> =>
  load(lines).then(
    () => '',
    (error: Error) => error.message,
  );
const entry = (folder: string, ...lines: readonly string[]): string[] => [
  '[[remote]]',
  'address = "192.0.2.1"',
  `known_hosts = "${folder}/known_hosts"`,
  ...lines,
];

systemSuite(['ssh-keygen'], '[[remote]]', () => {
  it('has defaults, and the files of its keys are looked at', async () => {
    const { remote } = await load((folder) => entry(folder, 'name = "pi"', `key = "${folder}/key"`));
    expect(remote).toMatchObject([{ port: 22, user: 'hostwire', host_keys: 'pinned', tiers: ['fast', 'medium', 'slow'] }]);
  });

  it('tells everything that is wrong at once, before anything connects', async () => {
    const text = await problems((folder) => {
      chmodSync(join(folder, 'key'), 0o644);
      return [
        ...entry(folder, 'name = "gw"', `key = "${folder}/key"`),
        ...entry(folder, 'name = "a"', `key = "${folder}/locked"`, 'collectors = ["cpu", "cups"]'),
        ...entry(folder, 'name = "a"', `key = "${folder}/key.pub"`, 'jump = "root@bastion:99999"'),
        ...['[[remote]]', 'name = "b"', 'address = "-oProxyCommand=x"', 'user = "Root; x"', `key = "${folder}/none"`],
        ...[`known_hosts = "${folder}/none"`, 'password = "x"', 'port = 0'],
        ...[
          '[[remote]]',
          'name = "c"',
          'address = "::1"',
          `key = "${folder}/key"`,
          'host_keys = "accept-new"',
          'known_hosts = "/none/known_hosts"',
        ],
      ];
    });
    for (const [key, sentence] of [
      ['remote[0].name', 'is the name of another host here'],
      ['remote[0].key', 'may be read by others; chmod 600'],
      ['remote[1].key', 'has a passphrase'],
      ['remote[1].collectors', '"cups"'],
      ['remote[2].name', 'is the name of another host here'],
      ['remote[2].key', 'may be read by others'],
      ['remote[2].jump', '65535'],
      ['remote[3].address', 'a name or an address'],
      ['remote[3].user', 'the name of a user'],
      ['remote[3].password', ''],
      ['remote[3].port', ''],
      ['remote[3].key', 'cannot be read'],
      ['remote[3].known_hosts', 'ssh-keyscan'],
      ['remote[4].known_hosts', 'cannot be written'],
    ] as const) {
      expect(text).toMatch(new RegExp(`${key.replaceAll(/[.[\]]/g, '\\$&')}[^\\n]*${sentence.replaceAll(/[.[\]]/g, '\\$&')}`));
    }
  });

  it('leaves to a host what it lists, and nothing that looks at the network from here', async () => {
    const config = await load((folder) => [
      '[collectors.swap]\nenabled = false\n[intervals]\nfast_seconds = 10\n',
      ...entry(folder, 'name = "pi"', `key = "${folder}/key"`, 'tiers = ["fast"]', 'jump = "j@[2001:db8::1]:2222"'),
    ]);
    const [remote] = config.remote;
    if (remote === undefined) throw new Error('no remote');
    const off = (own: AgentConfig) => Object.entries(own.collectors).flatMap(([name, { enabled }]) => (enabled === false ? [name] : []));
    expect(off(remoteConfig(config, remote))).toEqual(expect.arrayContaining(['swap', 'disk', 'docker', 'http_response', 'custom']));
    expect(off(remoteConfig(config, remote))).not.toContain('cpu');
    expect(off(remoteConfig(config, { ...remote, collectors: ['mem'] }))).toContain('cpu');
    expect(remoteConfig(config, remote)).toMatchObject({ host_id: 'pi', remote: [] });
    expect(sshOptions(config, remote)).toMatchObject({
      target: { host: '192.0.2.1', port: 22, user: 'hostwire' },
      jump: { user: 'j', host: '2001:db8::1', port: 2222 },
      acceptNew: false,
      timing: { keepaliveMs: 2500, connectMs: 5000, maxDelayMs: 5000 },
    });
    expect(parseJump('a@b')).toEqual({ user: 'a', host: 'b', port: 22 });
  });
});
