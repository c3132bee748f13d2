import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeSample, missingBy, openTestSpool, pendingOf } from './spool.testkit.ts';

/** Where a small file system is mounted for one test, or null with a printed line where that is not allowed. */
function smallDisk(size: string): string | null {
  const folder = tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    process.stderr.write('skipped: a spool on a full disk, this user may not mount a tmpfs\n');
    return null;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
  });
  return folder;
}

function fill(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(8 * 1024 * 1024));
  } catch {
    // It takes what there is.
  }
}

describe('a spool on a small disk', () => {
  it('fills it, goes on, and tells exactly how many samples are missing', async ({ skip }) => {
    const disk = smallDisk('1m');
    if (disk === null) return skip();
    const folder = join(disk, 'spool');
    const opened = await openTestSpool(folder);
    for (let seq = 1; seq <= 600; seq++) await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    await waitFor(() => opened.spool.stats().dropped > 300);
    await waitFor(() => opened.log().includes('takes samples again'));
    let last = 600;
    const accounted = async () => {
      await opened.spool.append(makeSample(++last), last).settled;
      return (await missingBy(opened)) + pendingOf(opened).length === last;
    };
    await waitFor(accounted, { what: 'all to be accounted for' });
    const kept = pendingOf(opened).length;
    expect(kept).toBeGreaterThan(100);
    expect(opened.spool.stats().dropped).toBe(last - kept);
    // With the acknowledgements it has room again.
    opened.spool.forget('r1', [[1, last]]);
    await waitFor(() => opened.spool.stats().bytes < 500_000);
    for (let seq = last + 1; seq <= last + 50; seq++) await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    await opened.close();
    const again = await openTestSpool(folder);
    expect(pendingOf(again).map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, at) => at + last + 1));
  });

  it('starts on a disk that is full', async ({ skip }) => {
    const disk = smallDisk('1m');
    if (disk === null) return skip();
    const filler = join(disk, 'filler');
    fill(filler);
    const opened = await openTestSpool(join(disk, 'spool'));
    for (let seq = 1; seq <= 20; seq++) await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    expect(pendingOf(opened)).toHaveLength(20);
    rmSync(filler);
    await waitFor(() => opened.log().includes('takes samples again'));
    await opened.close();
    expect(pendingOf(await openTestSpool(join(disk, 'spool')))).toHaveLength(20);
  });

  it('keeps what it has when others fill the disk, and counts what memory had no room for', async ({ skip }) => {
    const disk = smallDisk('4m');
    if (disk === null) return skip();
    const folder = join(disk, 'spool');
    const filler = join(disk, 'filler');
    const opened = await openTestSpool(folder, { ringSamples: 50 });
    for (let seq = 1; seq <= 100; seq++) await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    fill(filler);
    for (let seq = 101; seq <= 400; seq++) await opened.spool.append(makeSample(seq, { bytes: 4000 }), seq).settled;
    rmSync(filler);
    await waitFor(() => opened.log().includes('takes samples again'));
    await opened.spool.append(makeSample(401), 401).settled;
    expect(opened.spool.stats().dropped).toBeGreaterThan(0);
    expect((await missingBy(opened)) + pendingOf(opened).length).toBe(401);
    await opened.close();
    const again = await openTestSpool(folder);
    expect((await missingBy(again)) + pendingOf(again).length).toBe(401);
  });
});
