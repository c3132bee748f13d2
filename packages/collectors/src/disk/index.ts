import { AccessError, type AccessOptions, type HostAccess } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { probeFile, readFirst } from '../proc-text.ts';
import { chooseMounts, diskFields, type Mount, mayHang, parseMountinfo } from './parse.ts';

/**
 * The mounts of process 1 are the host's, with the host's paths, also when this process runs in a container that sees
 * the host below HOST_ROOT, or in a service with mounts of its own (systemd's ProtectSystem shows all as read-only).
 */
const MOUNTINFO = ['/proc/1/mountinfo', '/proc/self/mountinfo'] as const;

export const disk = defineCollector({
  name: 'disk',
  tier: 'medium',
  help: 'How full file systems are.',
  measurements: {
    disk: {
      help: 'Space and inodes of a mounted file system.',
      tags: {
        path: 'Mount point',
        device: 'What is mounted, without /dev/',
        fstype: 'Type of the file system',
        mode: 'rw or ro',
        label: 'Name of the device-mapper volume',
      },
      fields: {
        total: gauge('int', 'bytes', 'Size'),
        used: gauge('int', 'bytes', 'In use'),
        free: gauge('int', 'bytes', 'Free to users other than root'),
        used_percent: gauge('float', 'percent', 'used of used + free, as df shows it'),
        inodes_total: gauge('int', 'files', 'Inodes; 0 where the file system has no fixed number'),
        inodes_used: gauge('int', 'files', 'Inodes in use'),
        inodes_free: gauge('int', 'files', 'Free inodes'),
        inodes_used_percent: gauge('float', 'percent', 'Inodes in use'),
      },
    },
  },
  options: Type.Object({
    ignore_fs: Type.Array(Type.String(), {
      remote: true,
      default: ['tmpfs', 'devtmpfs', 'devfs', 'iso9660', 'overlay', 'aufs', 'squashfs'],
      description: 'Types of file systems to leave out, beside those that hold no files (proc, sysfs, ...)',
    }),
    mount_timeout_seconds: Type.Number({
      remote: true,
      default: 2,
      minimum: 0.05,
      maximum: 60,
      description: 'How long one file system may take to answer',
    }),
  }),
  probe: (access) => probeFile(access, MOUNTINFO),
  async collect({ access, options, signal, report }) {
    const mounts = chooseMounts(parseMountinfo(await readFirst(access, MOUNTINFO, { signal })), new Set(options.ignore_fs));
    const ask = async (mount: Mount) => {
      const timeout = AbortSignal.timeout(options.mount_timeout_seconds * 1000);
      const stat = await access.statFs(mount.path, { device: mount.device, signal: AbortSignal.any([signal, timeout]) });
      const fields = diskFields(stat);
      return fields === null ? null : { tags: await tagsOf(access, mount, { signal }), fields };
    };
    const rows: (Row | null)[] = [];
    let hanging = 0;
    // One after another, those that may hang last: each that hangs holds one of the process's few threads for file
    // systems, so after the first of them, or two of any kind, no other is asked.
    for (const mount of [...mounts].sort((a, b) => Number(mayHang(a)) - Number(mayHang(b)))) {
      try {
        rows.push(await ask(mount));
      } catch (error) {
        signal.throwIfAborted();
        // Process 1 has it, but it is not mounted where this process looks; what is below its mount point is another file system.
        if (error instanceof AccessError && error.code === 'ENOENT') continue;
        report(isTimeout(error) ? hung(mount, error) : error);
        if (isTimeout(error) && (mayHang(mount) || ++hanging === 2)) break;
      }
    }
    return { disk: rows.filter((row) => row !== null) };
  },
});

function isTimeout(error: unknown): boolean {
  return error instanceof AccessError && (error.code === 'timeout' || error.code === 'aborted');
}

function hung({ path, source }: Mount, cause: unknown): AccessError {
  return new AccessError('timeout', `${path}: ${source} does not answer; unmount it (umount -l) or list its type in ignore_fs`, { cause });
}

/** As Telegraf: the kernel's name for what is named otherwise (/dev/mapper/..., /dev/root), and its label beside it. */
async function tagsOf(access: HostAccess, mount: Mount, options: AccessOptions): Promise<Record<string, string>> {
  let device = mount.source.replace(/^\/dev\//, '');
  if (/^\/dev\/(mapper\/|root$)/.test(mount.source)) {
    const link = await access.readLink(`/sys/dev/block/${mount.device}`, options).catch(() => null);
    device = link?.split('/').at(-1) ?? device;
  }
  const [label] = /^dm-[0-9]+$/.test(device) ? await access.readFiles([`/sys/block/${device}/dm/name`], options) : [];
  return { path: mount.path, device, fstype: mount.fstype, mode: mount.mode, label: typeof label === 'string' ? label.trim() : '' };
}
