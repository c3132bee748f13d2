import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRegistry } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runCommandLine } from './command-line.ts';

it('token add --file writes the token for its owner alone, leaves a good one, and replaces one that is not', async () => {
  const dir = tempDir();
  const file = join(dir, 'token');
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  onTestFinished(() => write.mockRestore());
  const add = async (scope: string) => {
    const args = ['token', 'add', 'grafana', '--scope', scope, '--file', file, '--data-dir', dir];
    expect(await runCommandLine(['node', 'hostwire', ...args])).toBe(0);
    return readFileSync(file, 'utf8').trim();
  };
  const first = await add('series:read');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await add('series:read')).toBe(first);
  // More rights than the one in the file has.
  const wider = await add('series:read,api:read');
  expect(wider).not.toBe(first);
  writeFileSync(file, 'something else');
  const again = await add('series:read');
  const registry = await openRegistry({ file: join(dir, 'registry.db') });
  onTestFinished(() => registry.close());
  expect(await registry.tokens.check(again)).toMatchObject({ name: 'grafana', scopes: ['series:read'] });
  expect(await registry.tokens.check(wider)).toBeNull();
  for (const token of [first, wider, again]) expect(printed).not.toContain(token);
});
