import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalHost } from '@hostwire/host-access';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { killCommands, quoteArgument, rootCommands, sudoersFile } from './sudoers.ts';

const lines = async (argvs: readonly (readonly string[])[]) =>
  sudoersFile(
    argvs.map((argv) => ({ collector: 'x', argv })),
    'hostwire-agent',
  );

describe('sudoersFile', () => {
  it('grants each command line by itself, with the full path', async () => {
    const text = await lines([['env', '-i', '/dev/sd[a]'], ['true'], ['hostwire-no-such-command', 'x'], ['env', 'a\tb']]);
    expect(text.split('\n').slice(2)).toEqual([
      '# x',
      'hostwire-agent ALL=(root) TIMEOUT=60 NOPASSWD: /usr/bin/env -i /dev/sd\\[a\\]',
      'hostwire-agent ALL=(root) TIMEOUT=60 NOPASSWD: /usr/bin/true ""',
      '# hostwire-no-such-command is not installed',
      '# left out, because sudoers cannot express an argument: /usr/bin/env',
      '',
    ]);
  });

  it('has no wildcard that is not quoted, whatever the argument', () => {
    fc.assert(
      fc.property(fc.string(), (arg) => {
        const word = quoteArgument(arg);
        if (word === null) return;
        expect(word.replace(/\\[*?[\]!^:,=# ]|\\\\\\\\/g, '')).not.toMatch(/[*?[\]!^:,=# \\\s]/);
      }),
    );
  });

  it('grants the end of sessions by their number alone, of the servers that are asked', async () => {
    const server = ['setpriv', '--reuid=1000', '--regid=65534', '--clear-groups', 'tmux', '-u', '-L', 'default'];
    const asked = [
      { collector: 'tmux', argv: [...server, 'list-sessions', '-F', 'x'] },
      { collector: 'tmux', argv: ['setpriv', '-L', 'a b', 'list-sessions'], refused: 'a name in it has blanks' },
      { collector: 'smartctl', argv: ['env', 'list-sessions'] },
    ];
    const kills = killCommands(asked);
    const granted = (await sudoersFile(kills, 'hostwire-agent')).split('\n').filter((line) => line.startsWith('hostwire-agent'));
    const [command] = granted[0]?.split(' kill-session ') ?? [];
    expect(command).toMatch(/NOPASSWD: \S+\/setpriv --reuid\\=1000 --regid\\=65534 --clear-groups tmux -u -L default$/);
    expect(granted.map((line) => line.slice(`${command} kill-session `.length))).toEqual([
      '-t $[0-9]',
      '-t $[0-9][0-9]',
      '-t $[0-9][0-9][0-9]',
      '-t $[0-9][0-9][0-9][0-9]',
    ]);
  });

  it('says so where there is nothing to grant', async () => {
    expect(await lines([])).toContain('needs root on this host');
  });
});

it('rootCommands asks nothing of collectors that are switched off', async () => {
  const access = new LocalHost();
  const all = await rootCommands(access, {});
  const names = new Set(all.map(({ collector }) => collector));
  const off = await rootCommands(access, Object.fromEntries([...names].map((name) => [name, { enabled: false }])));
  expect(off).toEqual([]);
  await access.close();
});

systemSuite(['visudo'], 'what doctor --sudoers prints', () => {
  it('is what visudo takes, whatever the arguments', async () => {
    const argument = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom('#{x}', 'a,b', '/dev/*', '!', '^x$', '\\', '"', '--a=b', ';', "'"),
    );
    const file = join(tempDir(), 'sudoers');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(argument, { maxLength: 5 }), { maxLength: 20 }), async (argvs) => {
        writeFileSync(file, await lines(argvs.map((args) => ['env', ...args])), { mode: 0o440 });
        await promisify(execFile)(findCommand('visudo') ?? 'visudo', ['-c', '-f', file]);
      }),
      { numRuns: 25 },
    );
  });
});
