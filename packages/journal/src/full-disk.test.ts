import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { type JournalProblem, openJournal } from './index.ts';

/** A file system of one MiB in memory; null, with a line that says so, where this user may not mount one. */
function smallDisk(): string | null {
  const folder = tempDir();
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { encoding: 'utf8' });
  if (status === 0) {
    onTestFinished(() => {
      spawnSync('umount', ['-l', folder]);
    });
    return folder;
  }
  process.stdout.write(`journal: no test on a full disk, cannot mount a tmpfs here: ${error?.message ?? stderr.trim()}\n`);
  return null;
}

it('on a disk that runs full, refuses, keeps what it has, and goes on as soon as there is room', async ({ skip }) => {
  const disk = smallDisk();
  if (disk === null) return skip();
  const folder = join(disk, 'journal');
  const problems: JournalProblem[] = [];
  const options = { folder, maxBytes: 1e9, segmentBytes: 100_000, minFreeBytes: 0 };
  const journal = await openJournal({ ...options, report: (problem) => problems.push(problem) });
  const kept: string[] = [];
  const refused = new Set<string>();
  // Somebody else takes the room that the journal was told of.
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(300_000));
  for (let i = 0; i < 400; i++) {
    const text = String(i).padEnd(3000);
    try {
      if (i === 150) writeFileSync(join(disk, 'more'), Buffer.alloc(290_000));
      await journal.append([Buffer.from(text)]);
      kept.push(text);
    } catch (error) {
      refused.add((error as { code: string }).code);
    }
  }
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThan(250);
  expect(refused).toContain('io');
  await journal.sync();
  await journal.setCursor(journal.end).catch((error: unknown) => expect(error).toMatchObject({ code: 'io' }));
  const texts = (records: { bytes: Buffer }[]) => records.map(({ bytes }) => bytes.toString());
  expect(texts(await journal.read(journal.first, 1e9))).toEqual(kept);
  expect(problems.every(({ code }) => code === 'io')).toBe(true);

  const onFull = await openJournal(options);
  expect(texts(await onFull.read(onFull.first, 1e9))).toEqual(kept);
  await onFull.close();

  rmSync(join(disk, 'ballast'));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await journal.append([Buffer.from('later')]);
  await journal.sync();
  kept.push('later');
  expect(texts(await journal.read(journal.first, 1e9))).toEqual(kept);
  const [{ segment } = { segment: 0 }] = journal.segments();
  await journal.release({ segment: segment + 1, offset: 0 });
  expect(journal.stats().bytes).toBe(
    journal.segments().reduce((sum, state) => sum + statSync(join(folder, `${String(state.segment).padStart(16, '0')}.seg`)).size, 0),
  );
  await journal.close();
  expect(readFileSync(join(disk, 'more'))).toHaveLength(statSync(join(disk, 'more')).size);
});
