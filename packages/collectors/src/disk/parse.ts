import type { FileSystemStat } from '@hostwire/host-access';
import { linesOf, ParseError, quote } from '../proc-text.ts';

/** One line of mountinfo. */
export interface Mount {
  /** `major:minor` of the file system: equal for all mounts of one. */
  readonly device: string;
  /** The folder of the file system that is mounted: `/`, or another for bind mounts and subvolumes. */
  readonly root: string;
  readonly path: string;
  readonly mode: 'rw' | 'ro';
  readonly fstype: string;
  /** What is mounted: `/dev/sda1`, `tank/data`, `nas:/export`. */
  readonly source: string;
}

/**
 * /proc/<pid>/mountinfo (proc_pid_mountinfo(5)): blanks, tabs, newlines and backslashes in names are octal escapes.
 * Throws ParseError.
 */
export function parseMountinfo(text: string): Mount[] {
  return linesOf(text).map((line) => {
    const words = line.split(' ');
    // A variable number of optional fields ends at a lone hyphen.
    const hyphen = words.indexOf('-', 6);
    const [, , device = '', root = '', path = '', options = ''] = words;
    const [fstype, source] = hyphen < 0 ? [] : words.slice(hyphen + 1);
    if (!/^[0-9]+:[0-9]+$/.test(device) || fstype === undefined || source === undefined) {
      throw new ParseError(`mountinfo: ${quote(line)} is not a mount`);
    }
    return {
      device,
      root: unescapeOctal(root),
      path: unescapeOctal(path),
      mode: options.split(',').includes('ro') ? 'ro' : 'rw',
      fstype: unescapeOctal(fstype),
      source: unescapeOctal(source),
    };
  });
}

/** `\040` and the like as the bytes that they stand for. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** File systems that hold no files of anybody, whatever `ignore_fs` says. */
const PSEUDO = new Set(
  (
    'autofs binder bpf binfmt_misc cgroup cgroup2 configfs cpuset debugfs devpts efivarfs functionfs fusectl fuse.gvfsd-fuse fuse.lxcfs ' +
    'fuse.portal hugetlbfs mqueue nfsd nsfs proc pstore ramfs resctrl rootfs rpc_pipefs securityfs selinuxfs smackfs sockfs sysfs tracefs'
  ).split(' '),
);

/**
 * The mounts worth a row, each file system once, as df(1) does: what is hidden under a later mount at the same place is
 * left out; of several mounts of one file system the one of its root stays, then the one of the shortest path, then the
 * first.
 */
export function chooseMounts(mounts: readonly Mount[], ignored: ReadonlySet<string>): Mount[] {
  const visible = new Map(mounts.map((mount) => [mount.path, mount]));
  const chosen = new Map<string, Mount>();
  for (const mount of visible.values()) {
    if (PSEUDO.has(mount.fstype) || ignored.has(mount.fstype)) continue;
    const other = chosen.get(mount.device);
    if (other === undefined || isBetter(mount, other)) chosen.set(mount.device, mount);
  }
  return [...chosen.values()];
}

function isBetter(mount: Mount, other: Mount): boolean {
  if ((mount.root === '/') !== (other.root === '/')) return mount.root === '/';
  return mount.path.length < other.path.length;
}

/** True for file systems whose answer comes from another machine or a user's process, and so may never come. */
export function mayHang({ fstype, source }: Mount): boolean {
  return (
    /^(9p|afs|beegfs|ceph|cifs|coda|fuse|fuse\..*|fuseblk|gfs2|glusterfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|smb3|smbfs|virtiofs)$/.test(
      fstype,
    ) ||
    source.startsWith('//') ||
    /^[^/]+:\//.test(source)
  );
}

/** The fields of `disk`, or null for a file system of no size. As df(1): used_percent is of what users may use. */
export function diskFields(stat: FileSystemStat): Record<string, number> | null {
  const { blockSize, blocks, blocksFree, blocksAvailable, files, filesFree } = stat;
  const total = blocks * blockSize;
  if (!(total > 0)) return null;
  const used = Math.max(0, blocks - blocksFree) * blockSize;
  const free = blocksAvailable * blockSize;
  const inodesUsed = Math.max(0, files - filesFree);
  return {
    total,
    free,
    used,
    used_percent: percent(used, used + free),
    inodes_total: files,
    inodes_free: filesFree,
    inodes_used: inodesUsed,
    inodes_used_percent: percent(inodesUsed, inodesUsed + filesFree),
  };
}

function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0;
}
