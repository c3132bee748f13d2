import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

// The server's archive takes three times as long and is installed by `npm run test:fleet`.
it('packs an agent that runs by its own runtime, with nothing of the machine that built it', { timeout: 240_000 }, () => {
  const out = tempDir();
  const packed = ['infra/package/package.mjs', '--component', 'agent', '--arch', process.arch, '--out', out];
  execFileSync(process.execPath, packed, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const archive = readdirSync(out).find((name) => name.endsWith('.tar.gz')) ?? '';
  expect(archive).toMatch(/^hostwire-agent-\d+\.\d+\.\d+-linux-(x64|arm64)\.tar\.gz$/);
  expect(readdirSync(out).sort()).toEqual(['SHA256SUMS', archive, 'install.sh']);
  const sum = createHash('sha256')
    .update(readFileSync(join(out, archive)))
    .digest('hex');
  expect(readFileSync(join(out, 'SHA256SUMS'), 'utf8')).toContain(`${sum}  ${archive}\n`);

  const list = execFileSync('tar', ['--numeric-owner', '-tvzf', join(out, archive)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(list.every((line) => / 0\/0 /.test(line))).toBe(true);
  execFileSync('tar', ['-xzf', join(out, archive), '-C', out]);
  const folder = join(out, archive.replace('.tar.gz', ''));
  const run = (...args: string[]): string =>
    execFileSync(join(folder, 'bin/hostwire-agent'), args, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
  expect(run('--version')).toMatch(/^hostwire-agent \d/);
  // The recording of mock mode is found where it lies now.
  expect((JSON.parse(run('--mock', '--dry-run')) as unknown[]).length).toBeGreaterThan(0);
  // The library for SSH comes along, and is loaded where there are hosts to ask by it.
  const config = join(out, 'agent.toml');
  writeFileSync(config, '[[remote]]\nname = "pi"\naddress = "192.0.2.1"\nkey = "/proc/version"\nknown_hosts = "/proc/version"\n');
  const listed = spawnSync(join(folder, 'bin/hostwire-agent'), ['--list', '--config', config], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  expect([listed.status, listed.stderr]).toEqual([
    2,
    expect.stringMatching(/remote\[0\]\.key = "\/proc\/version" .*may be read by others/),
  ]);
  expect(readFileSync(join(folder, 'LICENSE.third-party'), 'utf8')).toContain('mqtt');
  for (const name of ['lib/main.js', 'share/hostwire-agent.service', 'share/service.sh', 'install.sh', 'package']) {
    expect(readFileSync(join(folder, name), 'utf8')).not.toContain(root);
  }
});
