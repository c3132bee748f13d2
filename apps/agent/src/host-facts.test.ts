import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LocalHost } from '@hostwire/host-access';
import { hostInfoCheck } from '@hostwire/model/schema';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { getAcquainted, readHostname } from './host-facts.ts';

const files = {
  '/etc/os-release': 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  '/etc/hostname': 'pve1\n',
  '/etc/group': 'root:x:0:\n',
  '/proc/sys/kernel/hostname': 'a1b2c3d4\n',
  '/proc/sys/kernel/osrelease': '6.8.12-4-pve\n',
  '/proc/cpuinfo': 'processor\t: 0\nmodel name\t: Intel(R) N100\n',
  '/proc/meminfo': 'MemTotal:       16123456 kB\nMemFree: 1 kB\n',
  '/proc/stat': 'cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nbtime 1700000000\n',
};

function host(contents: Readonly<Record<string, string>>): LocalHost {
  const root = tempDir();
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return new LocalHost({ root });
}

const facts = (access: LocalHost, remapped: boolean) =>
  getAcquainted({
    source: { access, mock: false, replay: null },
    ticks: { probeAll: async () => ({ cpu: { available: true } }) },
    remapped,
    run: 'r1',
    intervals: { fast: 1, medium: 2, slow: 3 },
  });

describe('getAcquainted', () => {
  it('reports the host whose root is mounted, not the container', async () => {
    const info = await facts(host(files), true);
    expect(info).toMatchObject({
      hostname: 'pve1',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.8.12-4-pve',
      cpu_model: 'Intel(R) N100',
      n_cpus: 2,
      mem_total: 16_123_456 * 1024,
      boot_time: 1_700_000_000,
      capabilities: { cpu: { available: true } },
      run: 'r1',
    });
    expect(info.mock).toBeUndefined();
    expect(hostInfoCheck.Check(info)).toBe(true);
    if (process.getgid?.() === 0) expect(info.groups).toContain('root');
  });

  it('says what it can of a host that says nothing', async () => {
    const info = await facts(host({}), false);
    expect(hostInfoCheck.Check(info)).toBe(true);
    expect(info).toMatchObject({ os: 'unknown', kernel: 'unknown' });
    expect(info.hostname).not.toBe('');
    expect(info).not.toHaveProperty('boot_time');
  });
});

describe('readHostname', () => {
  it("takes the kernel's name on the host itself, the file's where the root is mounted elsewhere", async () => {
    expect(await readHostname(host(files), false)).toBe('a1b2c3d4');
    expect(await readHostname(host(files), true)).toBe('pve1');
    expect(await readHostname(host({ '/etc/hostname': 'only\n' }), false)).toBe('only');
  });
});
