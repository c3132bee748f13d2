import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { openJournal } from './index.ts';

const ROUNDS = Number(process.env['HOSTWIRE_KILLS'] ?? 6);
const child = fileURLToPath(new URL('./appends-until-killed.testkit.ts', import.meta.url));

/** Appends from `from` on, is killed some time after the first append; returns what was appended, and what it reported. */
async function appendUntilKilled(folder: string, from: number, after: number): Promise<{ appended: number; reported: string }> {
  const writer = spawn(process.execPath, ['--import', 'tsx', '--conditions=@hostwire/source', child, folder, String(from)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    writer.kill('SIGKILL');
  });
  let [output, reported] = ['', ''];
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  writer.stderr.setEncoding('utf8').on('data', (text: string) => {
    reported += text;
  });
  const exited = once(writer, 'exit');
  await Promise.race([once(writer.stdout, 'data'), exited]);
  await sleep(after);
  writer.kill('SIGKILL');
  const [, signal] = await exited;
  expect(signal, reported).toBe('SIGKILL');
  return { appended: Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1)), reported };
}

it('a process killed while it appends loses nothing that was appended, and leaves nothing half', async () => {
  const folder = tempDir();
  let next = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { appended, reported } = await appendUntilKilled(folder, next, 20 + Math.random() * 300);
    expect(appended).toBeGreaterThan(next);
    expect(reported.replace(/torn-tail .*\n/g, '')).toBe('');
    const problems: string[] = [];
    const journal = await openJournal({ folder, maxBytes: 4 * 1024 * 1024, report: ({ code }) => problems.push(code) });
    const records = await journal.read(journal.first, 8 * 1024 * 1024);
    const numbers = records.map(({ bytes }) => Number(bytes.toString()));
    const [first = 0] = numbers;
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => first + i));
    const last = numbers.at(-1) ?? -1;
    expect(last).toBeGreaterThanOrEqual(appended - 1);
    for (const { bytes } of records) expect(bytes.length).toBe(200 + (Number(bytes.toString()) % 10) * 40);
    expect(problems.filter((code) => code !== 'torn-tail')).toEqual([]);
    await journal.close();
    next = last + 1;
    // The numbers are appended by tens.
    next += (10 - (next % 10)) % 10;
    await fill(folder, last + 1, next);
  }
}, 120_000);

async function fill(folder: string, from: number, to: number): Promise<void> {
  if (from === to) return;
  const journal = await openJournal({ folder, maxBytes: 4 * 1024 * 1024 });
  await journal.append(Array.from({ length: to - from }, (_, i) => Buffer.from(String(from + i).padEnd(200 + ((from + i) % 10) * 40))));
  await journal.close();
}
