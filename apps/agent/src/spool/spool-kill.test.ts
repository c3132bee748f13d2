import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@hostwire/testkit';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { gapsIn, makeSample, missingBy, openTestSpool, pendingOf } from './spool.testkit.ts';

const out = mkdtempSync(join(tmpdir(), 'hostwire-spool-'));
const bundle = join(out, 'child.mjs');

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('spool-child.testkit.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    // Native parts of ssh2, which a spool does not load.
    external: ['cpu-features', '*.node'],
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { HOSTWIRE_VERSION: '"0"' },
    conditions: ['@hostwire/source'],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** Fills the spool from another process, kills that in the midst of it, and returns the last number that it said is kept. */
async function fillAndKill(
  folder: string,
  run: string,
  { bytes = 0, maxBytes = 64 * 1024 * 1024, ms = 300, ack = '' } = {},
): Promise<number> {
  const args = [bundle, folder, run, String(bytes), String(maxBytes), ack];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let last = 0;
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
  });
  while (last === 0) await sleep(5);
  await sleep(ms);
  child.kill('SIGKILL');
  await Promise.all([once(child, 'exit'), once(lines, 'close')]);
  return last;
}

describe('a spool whose process is killed', () => {
  it('holds every sample that it said it keeps, each once', async () => {
    const folder = tempDir();
    const last = new Map<string, number>();
    for (let i = 1; i <= 4; i++) last.set(`run${i}`, await fillAndKill(folder, `run${i}`, { ms: 100 + Math.random() * 300, ack: 'yes' }));
    const pending = pendingOf(await openTestSpool(folder));
    for (const [run, seq] of last) {
      const held = new Set(pending.filter((stored) => stored.run === run).map((stored) => stored.seq));
      // Those that were acknowledged may be there or not: the note of it may wait.
      const missing = Array.from({ length: seq }, (_, at) => at + 1).filter((at) => at % 3 !== 2 && !held.has(at));
      expect(missing).toEqual([]);
    }
    expect(new Set(pending.map(({ run, seq }) => `${run}/${seq}`)).size).toBe(pending.length);
  });

  it('tells exactly how many samples went when it was full, whenever it is killed', async () => {
    const folder = tempDir();
    const maxBytes = 1024 * 1024;
    const last = new Map<string, number>();
    for (let i = 1; i <= 4; i++)
      last.set(`run${i}`, await fillAndKill(folder, `run${i}`, { bytes: 6000, maxBytes, ms: 200 + Math.random() * 500 }));
    const opened = await openTestSpool(folder, { maxBytes });
    await opened.spool.append(makeSample(1, { run: 'last' }), 1).settled;
    const pending = pendingOf(opened);
    const missing = await missingBy(opened);
    let least = 0;
    let unsure = 0;
    for (const [run, said] of last) {
      const held = pending.filter((stored) => stored.run === run).map(({ seq }) => seq);
      const made = Math.max(said, held.at(-1) ?? 0);
      expect(held).toEqual(Array.from({ length: held.length }, (_, at) => made - held.length + 1 + at));
      least += made - held.length;
      // One may have been kept, and be gone, before it was said.
      if (held.length === 0) unsure++;
    }
    expect(least).toBeGreaterThan(50);
    expect(missing).toBeGreaterThanOrEqual(least);
    expect(missing).toBeLessThanOrEqual(least + unsure);
    for (const stored of pending) for (const gap of gapsIn(await opened.spool.read(stored))) expect(gap.reason).toBe('full');
  });

  it('goes on after damage, and counts the samples that were in it', async () => {
    const folder = tempDir();
    const first = await openTestSpool(folder, { maxBytes: 1024 * 1024 });
    for (let seq = 1; seq <= 60; seq++) await first.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    await first.close();
    const [segment = ''] = readdirSync(folder).filter((name) => name.endsWith('.seg'));
    const bytes = readFileSync(join(folder, segment));
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
    writeFileSync(join(folder, segment), bytes);
    const second = await openTestSpool(folder, { maxBytes: 1024 * 1024 });
    await second.spool.append(makeSample(1, { run: 'r2' }), 1).settled;
    const missing = await missingBy(second);
    expect(missing).toBeGreaterThan(1);
    expect(missing).toBe(61 - pendingOf(second).length);
    const last = pendingOf(second).at(-1);
    expect(last && gapsIn(await second.spool.read(last))).toMatchObject([{ reason: 'damaged', count: missing }]);
  });
});
