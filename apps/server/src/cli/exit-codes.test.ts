import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT, EXIT_MEANINGS } from '@hostwire/service';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it, vi } from 'vitest';
import { runCommandLine } from './command-line.ts';

const app = fileURLToPath(new URL('../..', import.meta.url));
const reference = fileURLToPath(new URL('../../../../docs/reference/exit-codes.md', import.meta.url));

/** As a process of its own. */
function processCode(...args: string[]): Promise<number> {
  const env = { ...process.env, NODE_OPTIONS: '--import tsx --conditions=@hostwire/source' };
  return new Promise((done) => {
    execFile(process.execPath, ['src/main.ts', ...args], { cwd: app, env }, (error) => done(error === null ? 0 : Number(error.code)));
  });
}

/** What the program would end with; its output is left out. */
async function codeOf(...args: string[]): Promise<number> {
  const muted = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockReturnValue(true));
  try {
    return await runCommandLine(['node', 'hostwire', ...args]);
  } finally {
    for (const stream of muted) stream.mockRestore();
  }
}

describe('exit codes', () => {
  it('are those of the reference', () => {
    const sections = readFileSync(reference, 'utf8').split(/^## /m).slice(1);
    for (const section of sections) {
      const [program = ''] = section.split('\n');
      const documented = [...section.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, meaning]) => ({ code: Number(code), meaning }));
      expect(documented).toEqual(EXIT_MEANINGS[program as keyof typeof EXIT_MEANINGS]);
    }
    expect(sections).toHaveLength(Object.keys(EXIT_MEANINGS).length);
  });

  it('are what a process ends with', async () => {
    const dataDir = tempDir();
    const bad = join(tempDir(), 'hostwire.toml');
    writeFileSync(bad, 'nonsense = 1\n');
    expect(await processCode('status', '--data-dir', tempDir())).toBe(EXIT.notRunning);
    expect(await codeOf('host', 'list', '--json', '--data-dir', dataDir)).toBe(EXIT.ok);
    expect(await codeOf('host', 'remove', 'nobody', '--data-dir', dataDir)).toBe(EXIT.failed);
    expect(await codeOf('doctor', '--config', bad)).toBe(EXIT.failed);
    expect(await codeOf('host', 'list', '--config', bad)).toBe(EXIT.usage);
    expect(await codeOf('host', 'paint', '--data-dir', dataDir)).toBe(EXIT.usage);
  });
});
