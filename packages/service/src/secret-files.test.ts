import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type from 'typebox';
import { expect, it, onTestFinished } from 'vitest';
import { ConfigError, loadToml } from './config.ts';
import { secretFilesFrom } from './secret-files.ts';

function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const NAMES = { X_TOKEN: 'token', X_PASSWORD: 'store.password' };

it('reads what the environment names by file, without the line end', () => {
  const file = join(tempDir(), 'secret');
  writeFileSync(file, ' s3cret \n\n');
  expect(secretFilesFrom({ X_PASSWORD_FILE: file, X_TOKEN_FILE: '' }, NAMES)).toEqual({
    overrides: [{ key: 'store.password', value: ' s3cret', source: 'X_PASSWORD_FILE' }],
    problems: [],
  });
});

it('says what is wrong, with the variable and the file and never the secret', () => {
  const empty = join(tempDir(), 'empty');
  writeFileSync(empty, '\n');
  const { overrides, problems } = secretFilesFrom({ X_TOKEN: 's3cret', X_TOKEN_FILE: empty, X_PASSWORD_FILE: '/nowhere' }, NAMES);
  const schema = Type.Object({ token: Type.Optional(Type.String()) });
  const load = () => loadToml('', schema, { file: 'x.toml', overrides, rules: () => problems });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(
    'x.toml: 2 problems\n' +
      '  token (from X_TOKEN_FILE) cannot be set beside X_TOKEN; remove one of them\n' +
      '  store.password (from X_PASSWORD_FILE) is not known: /nowhere cannot be read (ENOENT)',
  );
  expect(secretFilesFrom({ X_TOKEN_FILE: empty }, NAMES).problems).toMatchObject([
    { key: 'token', allowed: `is empty: ${empty} must hold it` },
  ]);
});
