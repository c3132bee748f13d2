import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LocalHost } from '@hostwire/host-access';
import { findCommand, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { boundAccess } from '../needs.ts';
import { Readings } from '../tree-host.testkit.ts';
import { zpool } from './index.ts';

const MIB = 1024 * 1024;

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(findCommand(command) ?? command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || error?.message}`);
  return stdout;
}

/** Why no pool can be made here, or null. */
function obstacle(): string | null {
  if (process.getuid?.() !== 0) return 'zfs-fuse needs root';
  return existsSync('/dev/fuse') ? null : 'there is no /dev/fuse';
}

systemSuite(['zfs-fuse', 'zpool', 'zfs'], 'zpool with real pools of zfs-fuse', () => {
  let daemon: ChildProcess | null = null;

  beforeAll(async () => {
    const problem = obstacle();
    if (problem !== null) {
      process.stderr.write(`skipped: real pools of zfs-fuse: ${problem}\n`);
      return;
    }
    const answers = () => spawnSync(findCommand('zpool') ?? '', ['list']).status === 0;
    if (answers()) return;
    daemon = spawn(findCommand('zfs-fuse') ?? '', ['--no-daemon', '--no-kstat-mount'], { stdio: 'ignore' });
    await waitFor(answers, { what: 'zfs-fuse' });
  });
  afterAll(async () => {
    if (daemon === null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await ended;
  });

  it('sees a healthy mirror, the damage that a scrub finds, and a device that is taken offline', { timeout: 60_000 }, async ({ skip }) => {
    if (obstacle() !== null) skip();
    const folder = tempDir();
    const pool = `hostwire${process.pid}`;
    const disks = ['a', 'b'].map((name) => join(folder, name));
    for (const disk of disks) {
      writeFileSync(disk, '');
      truncateSync(disk, 64 * MIB);
    }
    run('zpool', 'create', '-o', 'cachefile=none', '-m', join(folder, 'mnt'), pool, 'mirror', ...disks);
    const access = new LocalHost();
    const readings = new Readings(zpool);
    const read = async () => {
      const rows = await readings.readAll(boundAccess(access, zpool, {}));
      const row = rows['zpool']?.find(({ tags }) => tags?.['pool'] === pool)?.fields;
      const vdevs = rows['zpool_vdev']?.filter(({ tags }) => tags?.['pool'] === pool) ?? [];
      return { row, vdevs: Object.fromEntries(vdevs.map(({ tags, fields }) => [tags?.['vdev'], fields])) };
    };
    const [a, b] = disks.map((disk) => `mirror-0${disk}`) as [string, string];
    try {
      expect(await zpool.probe(access, {})).toEqual({ available: true });
      writeFileSync(join(folder, 'mnt', 'file'), Buffer.alloc(20 * MIB, 'hostwire'));
      run('zfs', 'set', 'checksum=sha256', pool);
      const healthy = await read();
      expect(healthy.row).toMatchObject({ health: 'ONLINE', healthy: true, errors: 0, checksum_errors: 0 });
      expect(healthy.row).not.toHaveProperty('scrub_age');
      expect(Number(healthy.row?.['size'])).toBeGreaterThan(48 * MIB);
      expect(Number(healthy.row?.['size'])).toBeLessThan(64 * MIB);
      expect(Object.keys(healthy.vdevs)).toEqual(['mirror-0', a, b]);
      expect(healthy.vdevs[b]).toEqual({ state: 'ONLINE', read_errors: 0, write_errors: 0, checksum_errors: 0 });

      // Past the two labels at its beginning, and short of those at its end.
      const disk = openSync(disks[1] ?? '', 'r+');
      writeSync(disk, Buffer.alloc(48 * MIB, 'damage'), 0, 48 * MIB, 6 * MIB);
      run('zpool', 'scrub', pool);
      const scrubbed = await waitFor(async () => {
        const now = await read();
        return now.row?.['scrub_state'] === 'finished' ? now : null;
      });
      expect(Number(scrubbed.vdevs[b]?.['checksum_errors'])).toBeGreaterThan(0);
      expect(scrubbed.vdevs[a]?.['checksum_errors']).toBe(0);
      expect(scrubbed.row?.['scrub_age']).toBeGreaterThanOrEqual(0);

      run('zpool', 'offline', pool, disks[0] ?? '');
      const degraded = await read();
      expect(degraded.row).toMatchObject({ health: 'DEGRADED', healthy: false });
      expect([degraded.vdevs[a]?.['state'], degraded.vdevs['mirror-0']?.['state']]).toEqual(['OFFLINE', 'DEGRADED']);
    } finally {
      run('zpool', 'destroy', '-f', pool);
    }
    expect((await read()).row).toBeUndefined();
    await access.close();
  });
});
