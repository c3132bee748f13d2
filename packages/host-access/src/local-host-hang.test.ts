import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { LocalHost } from './local-host.ts';

/** Opening `path` waits, as on a network file system whose server is gone, until standard input ends (fanotify(7)). */
const HOLD_OPENS = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
FAN_CLASS_CONTENT, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD = 4, 1, 0x10000, -100
group = libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)
held = group >= 0 and libc.fanotify_mark(group, FAN_MARK_ADD, ctypes.c_uint64(FAN_OPEN_PERM), AT_FDCWD, os.fsencode(sys.argv[1])) == 0
print('held' if held else os.strerror(ctypes.get_errno()), flush=True)
sys.stdin.read()
`;

systemSuite(['python3'], 'LocalHost: a file system that does not answer', () => {
  it('keeps neither the caller nor other files waiting', async ({ skip }) => {
    const folder = tempDir();
    const [hung, other] = [join(folder, 'hung'), join(folder, 'other')];
    writeFileSync(hung, 'late');
    writeFileSync(other, 'here');
    const holder = spawn('python3', ['-c', HOLD_OPENS, hung], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [answer] = await once(holder.stdout, 'data');
    if (!`${answer}`.startsWith('held')) {
      holder.kill();
      skip(`fanotify is not permitted here: ${answer}`);
    }
    const host = new LocalHost();
    try {
      await expect(host.readFile(hung, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ code: 'timeout' });
      expect(await host.readFile(other)).toBe('here');
      expect(await host.readFile('/proc/loadavg')).toMatch(/^\d/);
      // Asked again, it does not take another thread to wait with.
      await expect(host.readFile(hung)).rejects.toMatchObject({ code: 'timeout' });
    } finally {
      holder.stdin.end();
      await once(holder, 'exit');
    }
    await expect.poll(() => host.readFile(hung).catch(() => ''), { timeout: 10_000 }).toBe('late');
  });
});
