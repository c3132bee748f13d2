import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand, systemSuite } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Page, readPage, toScript } from './page-script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT_MS = 300_000;

const pages = ['README.md', ...readdirSync(join(root, 'docs/guides')).map((name) => `docs/guides/${name}`)]
  .filter((name) => name.endsWith('.md'))
  .map((name): [string, Page] => [name, readPage(readFileSync(join(root, name), 'utf8'))])
  .filter(([, { steps }]) => steps.length > 0);

/** A network of its own has the ports that the docs name, and what a page starts ends with its process namespace. */
const APART = ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child'];

function mayBeApart(): boolean {
  const unshare = findCommand('unshare');
  return unshare !== null && spawnSync(unshare, [...APART, 'true']).status === 0;
}

if (findCommand('unshare') !== null && !mayBeApart()) {
  const reason = "the docs' commands are run in namespaces of their own, which this user may not make";
  if (process.env['HOSTWIRE_REQUIRE_SYSTEM'] === '1') it('docs', () => expect.fail(reason));
  else process.stderr.write(`skipped: ${reason}\n`);
} else {
  systemSuite(['unshare', 'ip', 'git', ...pages.flatMap(([, { needs }]) => needs)], 'the commands of the docs', () => {
    let checkout = '';
    let cache = '';

    beforeAll(() => {
      checkout = mkdtempSync(join(tmpdir(), 'hostwire-docs-'));
      cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
      const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
      for (const file of list.split('\0').filter((name) => name !== '')) {
        mkdirSync(dirname(join(checkout, file)), { recursive: true });
        cpSync(join(root, file), join(checkout, file));
      }
    }, LIMIT_MS);

    // It holds node_modules: tens of thousands of files.
    afterAll(() => void spawnSync('rm', ['-rf', checkout]), LIMIT_MS);

    it.for(pages)('%s', { timeout: LIMIT_MS }, async ([, { steps }]) => {
      const home = mkdtempSync(join(tmpdir(), 'hostwire-docs-home-'));
      try {
        const { code, printed } = await runApart(toScript(steps), {
          PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
          HOME: home,
          LANG: 'C.UTF-8',
          // There is no network: what `npm ci` of this checkout fetched is in npm's cache, what its build made in turbo's.
          npm_config_cache: cache,
          npm_config_offline: 'true',
          TURBO_CACHE_DIR: join(root, '.turbo/cache'),
        });
        expect(printed.slice(-4000)).toContain('page: all ran');
        expect(code).toBe(0);
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    });

    async function runApart(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; printed: string }> {
      const child = spawn('unshare', [...APART, 'bash', '-c', `ip link set lo up\n${script}`], {
        cwd: checkout,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
      const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS - 5000);
      const code = await new Promise<number | null>((done) => child.once('close', done));
      clearTimeout(limit);
      return { code, printed };
    }
  });
}
