import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { updates } from './index.ts';
import { countApk, countApt, countDnf, countPacman, managerOf, newestKernel } from './parse.ts';

const said = (stdout: string, exitCode = 0, stderr = ''): ExecResult => ({ exitCode, stdout, stderr });

const APT = `Listing...
bash/oldstable 5.2.15-2+b13 amd64 [upgradable from: 5.2.15-2+b8]
libc6/jammy-updates,jammy-security 2.35-0ubuntu3.8 amd64 [upgradable from: 2.35-0ubuntu3.7]
apt/oldstable-security 2.6.2 amd64 [upgradable from: 2.6.1]
linux-image-amd64/stable-security,now 6.1.137-1 amd64 [upgradable from: 6.1.129-1]
`;
const DNF = `
kernel.x86_64                      5.14.0-503.11.1.el9_5              baseos
a-package-with-a-very-long-name-indeed.noarch
                                   1:2.0-1.el9                        appstream
openssl-libs.x86_64                1:3.2.2-6.el9_5                    baseos
Obsoleting Packages
grub2-tools.x86_64                 1:2.06-92.el9                      baseos
    grub2-tools.x86_64             1:2.06-70.el9                      @baseos
`;
const PACMAN = 'linux 6.9.3.arch1-1 -> 6.9.4.arch1-1\nlib32-glibc 2.39-4 -> 2.40-1\nvlc 3.0.20-1 -> 3.0.21-1 [ignored]\n';
const APK = `WARNING: opening from cache
busybox-1.36.1-r29 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-1.36.1-r28]
musl-1.2.5-r1 x86_64 {musl} (MIT) [upgradable from: musl-1.2.5-r0]
`;

const host = (id: string, commands: TreeHost['commands'], { running = '6.1.0-35-amd64', kernels = [] as string[], files = {} } = {}) =>
  new TreeHost({
    files: {
      '/etc/os-release': `NAME=x\nID=${id}\n`,
      '/proc/sys/kernel/osrelease': `${running}\n`,
      ...Object.fromEntries(kernels.map((name) => [`/lib/modules/${name}/modules.dep`, ''])),
      ...files,
    },
    commands,
  });
const fields = async (access: TreeHost) => (await new Readings(updates).read(access))[0]?.fields;

describe('updates', () => {
  it.each([
    [
      'debian',
      { 'apt list --upgradable': said(APT, 0, 'WARNING: apt does not have a stable CLI interface.') },
      { pending: 4, security: 3 },
    ],
    [
      'fedora',
      { 'dnf -q -C check-update': said(DNF, 100), 'dnf -q -C check-update --security': said(DNF, 100) },
      { pending: 3, security: 3 },
    ],
    ['fedora', { 'dnf -q -C check-update': said('') }, { pending: 0, security: 0 }],
    ['rhel', { 'yum -q -C check-update': said(DNF, 100), 'yum -q -C check-update --security': said('') }, { pending: 3, security: 0 }],
    ['arch', { 'pacman -Qu': said(PACMAN) }, { pending: 2 }],
    ['arch', { 'pacman -Qu': said('', 1) }, { pending: 0 }],
    ['alpine', { 'apk list --upgradable --no-network': said(APK) }, { pending: 2 }],
  ])('counts them on %s', async (id, commands, expected) => {
    expect(await fields(host(id, commands))).toEqual({ ...expected, reboot_required: false, kernel_running: '6.1.0-35-amd64' });
  });

  it.each([
    ['debian', { 'apt list --upgradable': said('', 100, 'E: The package cache file is corrupted\n') }, 'exit-100'],
    ['fedora', { 'dnf -q -C check-update': said('', 1, "Error: Cache-only enabled but no cache for 'fedora'\n") }, 'exit-1'],
    ['arch', { 'pacman -Qu': said('', 1, 'error: failed to initialize alpm library\n') }, 'exit-1'],
    ['alpine', { 'apk list --upgradable --no-network': new AccessError('timeout', 'apk: no answer') }, 'timeout'],
    ['rhel', {}, 'ENOENT'],
  ])('is an error and not none where %s cannot tell', async (id, commands, code) => {
    await expect(fields(host(id, commands))).rejects.toMatchObject({ code });
  });

  it('wants a new start by the file that packages leave, or by a newer kernel', async () => {
    const none = { 'apt list --upgradable': said('') };
    const pkgs = 'linux-base\nlibc6\nlibc6\n';
    expect(
      await fields(host('debian', none, { files: { '/run/reboot-required': '*** restart ***\n', '/run/reboot-required.pkgs': pkgs } })),
    ).toEqual({
      ...{ pending: 0, security: 0, reboot_required: true, reboot_packages: 2, kernel_running: '6.1.0-35-amd64' },
    });
    const kernels = ['6.1.0-35-amd64', '6.1.0-37-amd64', '6.1.0-9-amd64'];
    expect(await fields(host('debian', none, { kernels }))).toMatchObject({ reboot_required: true, kernel_newest: '6.1.0-37-amd64' });
    expect(await fields(host('debian', none, { kernels, running: '6.1.0-37-amd64' }))).toMatchObject({ reboot_required: false });
    // Where the modules are hidden from the agent.
    const images = ['/boot/vmlinuz-6.1.0-36-amd64', '/boot/vmlinuz-6.1.0-35-amd64', '/boot/vmlinuz', '/boot/initrd.img-6.1.0-99-amd64'];
    const files = Object.fromEntries(images.map((path) => [path, '']));
    expect(await fields(host('debian', none, { files }))).toMatchObject({ reboot_required: true, kernel_newest: '6.1.0-36-amd64' });
  });

  it('is there for the distributions that it knows', async () => {
    expect(
      await updates.probe(host('linuxmint', {}, { files: { '/etc/os-release': 'ID=linuxmint\nID_LIKE="ubuntu debian"\n' } }), {}),
    ).toEqual({
      available: true,
    });
    expect(await updates.probe(host('opensuse-leap', {}), {})).toMatchObject({ available: false });
    expect(await updates.probe(new TreeHost(), {})).toMatchObject({ available: false });
  });
});

describe('newestKernel', () => {
  it.each([
    ['6.8.12-9-pve', ['6.8.12-10-pve', '6.8.12-9-pve', '6.5.13-6-pve'], '6.8.12-10-pve'],
    ['6.8.12-10-pve', ['6.8.12-9-pve', '6.8.12-10-pve'], '6.8.12-10-pve'],
    // Not of the same kind.
    ['6.1.0-35-amd64', ['6.1.0-37-cloud-amd64', '6.1.0-35-amd64'], '6.1.0-35-amd64'],
    ['6.6.31+rpt-rpi-v8', ['6.6.51+rpt-rpi-2712', '6.6.31+rpt-rpi-v8'], '6.6.31+rpt-rpi-v8'],
    ['5.14.0-427.13.1.el9_4.x86_64', ['5.14.0-427.13.1.el9_4.x86_64', '5.14.0-503.11.1.el9_5.x86_64'], '5.14.0-503.11.1.el9_5.x86_64'],
    // Its folder was taken away by the update.
    ['6.9.3-arch1-1', ['6.9.3-arch1-2'], '6.9.3-arch1-2'],
    ['6.9.4-arch1-1', ['6.9.3-arch1-2'], '6.9.3-arch1-2'],
    ['6.1.0-37-amd64', ['6.1.0-35-amd64'], '6.1.0-35-amd64'],
    // Of the machine that the container is on, or of one's own making.
    ['6.18.44-fc-v595', ['6.1.0-37-amd64'], undefined],
    ['6.8.12-9-pve', [], undefined],
    ['x', ['x'], undefined],
  ])('of %s among %j is %s', (running, installed, expected) => {
    expect(newestKernel(running, installed)).toBe(expected);
    expect(newestKernel(running, [...installed].reverse())).toBe(expected);
  });
});

it('counts no line that is not one of a package', () => {
  const unit = fc.constantFrom(
    'Listing...',
    'a/b-security 1 all [upgradable from: 0]',
    'a.noarch 1 r',
    ' -> ',
    '[upgradable from: ',
    '-security',
    '\n',
    ' ',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      const { pending, security } = countApt(text);
      expect(security).toBeLessThanOrEqual(pending);
      const lines = text.split('\n').length;
      for (const count of [pending, countDnf(text), countPacman(text), countApk(text)]) expect(count).toBeLessThanOrEqual(lines);
    }),
  );
  expect(managerOf('ID="constructor"\nID_LIKE=__proto__')).toBeUndefined();
});
