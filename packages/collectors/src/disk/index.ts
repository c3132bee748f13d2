import { AccessError, type AccessOptions, type HostAccess } from '@hostwire/host-access';
import type { Row, Tags } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
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
  help: 'How full file systems are, and whether they answer.',
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
        hung: state('bool', 'It does not answer; then nothing else is known of it'),
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
  async collect(context) {
    const { access, options, signal, report } = context;
    const mounts = chooseMounts(parseMountinfo(await readFirst(access, MOUNTINFO, { signal })), new Set(options.ignore_fs));
    const ask = async (mount: Mount) => {
      const timeout = AbortSignal.timeout(options.mount_timeout_seconds * 1000);
      const stat = await access.statFs(mount.path, { device: mount.device, signal: AbortSignal.any([signal, timeout]) });
      const fields = diskFields(stat);
      return fields === null ? null : { tags: await tagsOf(access, mount, { signal }), fields: { ...fields, hung: false } };
    };
    const rows: (Row | null)[] = [];
    const hanging: Tags[] = [];
    // One after another, those that may hang last: each that hangs holds one of the process's few threads for file
    // systems, so after the first of them, or two of any kind, no other is asked.
    for (const mount of [...mounts].sort((a, b) => Number(mayHang(a)) - Number(mayHang(b)))) {
      try {
        rows.push(await ask(mount));
      } catch (error) {
        signal.throwIfAborted();
        // Process 1 has it, but it is not mounted where this process looks; what is below its mount point is another file system.
        if (error instanceof AccessError && error.code === 'ENOENT') continue;
        report(isTimeout(error) ? toHungError(mount, error) : error);
        if (!isTimeout(error)) continue;
        hanging.push(await tagsOf(access, mount, { signal }));
        if (mayHang(mount) || hanging.length === 2) break;
      }
    }
    const known = rows.filter((row) => row !== null);
    const hung = hanging.map((tags): Row => ({ tags, fields: { hung: true } }));
    return { disk: [...known, ...hung, ...goneSince(context, mounts, [...known, ...hung])] };
  },
});

/** Mounts that hung when they were last asked and are unmounted now: said once, so that nobody goes on waiting for them. */
function goneSince({ memory }: CollectContext, mounts: readonly Mount[], rows: readonly Row[]): Row[] {
  const before = (memory.get('hung') ?? []) as readonly Row[];
  // Not asked now, because another hangs.
  const unasked = before.filter(({ tags }) => !rows.some((row) => row.tags?.['path'] === tags?.['path']));
  const [still, gone] = [true, false].map((there) =>
    unasked.filter(({ tags }) => mounts.some(({ path }) => path === tags?.['path']) === there),
  );
  memory.set('hung', [...rows.filter(({ fields }) => fields['hung'] === true), ...(still ?? [])]);
  return (gone ?? []).map(({ tags = {} }) => ({ tags, fields: { hung: false } }));
}

function isTimeout(error: unknown): boolean {
  return error instanceof AccessError && (error.code === 'timeout' || error.code === 'aborted');
}

function toHungError({ path, source }: Mount, cause: unknown): AccessError {
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
