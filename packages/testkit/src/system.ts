import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, it, onTestFinished } from 'vitest';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** The full path of a command on PATH, in the system's sbin folders or Debian's of PostgreSQL, or null. */
export function findCommand(command: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', ...postgresFolders()];
  for (const folder of folders) {
    if (folder !== '' && existsSync(join(folder, command))) return join(folder, command);
  }
  return null;
}

function postgresFolders(): string[] {
  const versions = '/usr/lib/postgresql';
  return existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
}

/**
 * A `describe` for tests that need commands of system packages. Where one is missing the suite is skipped with a line
 * that says so, or fails if HOSTWIRE_REQUIRE_SYSTEM=1 (as in CI).
 */
export function systemSuite(commands: readonly string[], title: string, suite: () => void): void {
  const missing = commands.filter((command) => findCommand(command) === null);
  if (missing.length === 0) {
    describe(title, suite);
    return;
  }
  const reason = `${title}: needs ${missing.join(', ')}, which is not installed`;
  if (process.env['HOSTWIRE_REQUIRE_SYSTEM'] === '1') {
    it(title, () => {
      throw new Error(reason);
    });
    return;
  }
  process.stderr.write(`skipped: ${reason}\n`);
  describe.skip(title, suite);
}

/** Folder of the shared fixtures (HOSTWIRE_FIXTURES, default beside the checkout), or null with a printed line if absent. */
export function fixturesDir(): string | null {
  const folder = resolve(process.env['HOSTWIRE_FIXTURES'] ?? join(repository, '..', 'shared', 'fixtures'));
  if (existsSync(folder)) return folder;
  process.stderr.write(`skipped: tests on recorded fixtures, ${folder} does not exist (set HOSTWIRE_FIXTURES)\n`);
  return null;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', done);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An empty directory that is removed when the running test ends. */
export function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves with the first value of `probe` that is neither null, undefined nor false. Throws after `timeout` ms (default 15,000). */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  { timeout = 15_000, interval = 20, what = 'the condition' }: { timeout?: number; interval?: number; what?: string } = {},
): Promise<Exclude<T, null | undefined | false>> {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== null && value !== undefined && value !== false) return value as Exclude<T, null | undefined | false>;
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`);
    await sleep(interval);
  }
}
