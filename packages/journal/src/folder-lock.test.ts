import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lockFolder } from './index.ts';

const program = fileURLToPath(new URL('./holds-lock.testkit.ts', import.meta.url));

/** Another process that locks the folder, and what it says of that. */
async function start(folder: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@hostwire/source', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const [bytes] = await once(child.stdout, 'data');
  return { child, said: String(bytes).trim() };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('the lock of a folder', () => {
  it('is held by one process, and free when that is killed', async () => {
    const folder = join(tempDir(), 'spool');
    const first = await start(folder);
    expect(first.said).toBe('locked');
    expect((await start(folder)).said).toBe('refused locked');
    await expect(lockFolder(folder)).rejects.toMatchObject({
      name: 'JournalError',
      code: 'locked',
      message: expect.stringContaining(folder),
    });
    await end(first.child);
    const lock = await lockFolder(folder);
    expect((await start(folder)).said).toBe('refused locked');
    await lock.release();
    expect((await start(folder)).said).toBe('locked');
  });

  it('is held by a process that is stopped', async () => {
    const folder = tempDir();
    const { child } = await start(folder);
    child.kill('SIGSTOP');
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'locked' });
    await end(child);
    await (await lockFolder(folder)).release();
  });

  it('goes to one of many that try at once, also over what killed ones left', async () => {
    const folder = tempDir();
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(Array.from({ length: 4 }, () => start(folder)));
      expect(all.filter(({ said }) => said === 'locked')).toHaveLength(1);
      await Promise.all(all.filter(({ said }) => said === 'locked').map(({ child }) => end(child)));
    }
  });

  it('has one owner however many try in one process, and leaves nothing behind', async () => {
    const folder = tempDir();
    for (let round = 0; round < 20; round++) {
      const tries = await Promise.allSettled(Array.from({ length: 5 }, () => lockFolder(folder)));
      const won = tries.filter((result) => result.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const { value } of won) await value.release();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('works where the path is longer than that of a socket may be', async () => {
    const folder = join(tempDir(), 'x'.repeat(120), 'y'.repeat(120));
    const lock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'locked' });
    await lock.release();
  });

  it('sweeps up what a killed process left, and no file of others', async () => {
    const folder = tempDir();
    const draft = join(folder, `lock-${'0'.repeat(16)}.tmp`);
    const server = createServer().listen(draft);
    await once(server, 'listening');
    utimesSync(draft, 1, 1);
    writeFileSync(join(folder, 'lock-of-the-door'), '');
    const lock = await lockFolder(folder);
    expect(readdirSync(folder).sort()).toEqual([expect.stringMatching(/^lock-[0-9a-f]{16}\.sock$/), 'lock-of-the-door']);
    await lock.release();
    server.close();
  });

  it('says what to do where there can be none', async () => {
    const blocked = join(tempDir(), 'file');
    writeFileSync(blocked, '');
    mkdirSync(join(blocked, '..', 'sibling'));
    await expect(lockFolder(join(blocked, 'x'))).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining(join(blocked, 'x')),
    });
  });
});
