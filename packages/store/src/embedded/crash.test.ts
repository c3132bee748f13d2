import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { openEmbeddedStore } from './embedded-store.ts';
import { openReader, readPoints } from './read-points.testkit.ts';

const ROUNDS = 5;
const child = fileURLToPath(new URL('./writes-until-killed.testkit.ts', import.meta.url));

/** Writes from `from` on, is killed some time after the first acknowledgement; returns what was acknowledged. */
async function writeUntilKilled(directory: string, from: number, after: number): Promise<number> {
  const writer = spawn(process.execPath, ['--import', 'tsx', '--conditions=@hostwire/source', child, directory, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(writer, 'exit');
  await Promise.race([once(writer.stdout, 'data'), exited]);
  await sleep(after);
  writer.kill('SIGKILL');
  const [, signal] = await exited;
  expect(signal).toBe('SIGKILL');
  return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
}

it('a process killed while it writes and moves rows loses nothing that it acknowledged, and keeps nothing twice', async () => {
  const directory = tempDir();
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Some rows of the round before are written again, as an agent does that got no acknowledgement.
    const next = await writeUntilKilled(directory, Math.max(0, acknowledged - 40), 50 + Math.random() * 400);
    expect(next).toBeGreaterThan(acknowledged - 40);
    acknowledged = Math.max(acknowledged, next);
  }
  // Opening it again goes over what was left half done.
  const store = await openEmbeddedStore({ directory, queryWorkers: 0 });
  for (const when of ['before', 'after']) {
    const reader = openReader(directory);
    // Throws if a time comes twice.
    const points = readPoints(reader, 'db', 'm');
    reader.close();
    const seqs = new Set<number>();
    for (const [key, value] of points) {
      if (key.endsWith(' seq')) seqs.add(value as number);
      else expect(value).toMatch(/^value \d+$/);
    }
    expect(points.size).toBe(seqs.size * 2);
    const missing = Array.from({ length: acknowledged }, (_, seq) => seq).filter((seq) => !seqs.has(seq));
    expect({ when, missing }).toEqual({ when, missing: [] });
    await store.compactNow();
  }
  await store.close();
}, 120_000);
