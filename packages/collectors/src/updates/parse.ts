import { linesOf, wordsOf } from '../proc-text.ts';

/** What a package manager has for an installation that is older. */
export interface Pending {
  readonly pending: number;
  /** Of these, those that mend a hole; undefined if the manager does not tell. */
  readonly security?: number;
}

const APT = /^([a-z0-9][a-z0-9.+-]*)\/(\S+) \S+ \S+ \[upgradable from: [^\]]+\]$/;
const PACMAN = /^[a-z0-9@._+][a-z0-9@._+-]* \S+ -> \S+( \[ignored\])?$/;
const APK = /^\S+ \S+ \{[^}]*\} \([^)]*\) \[upgradable from: \S+\]$/;
const RPM_PACKAGE = /^\S+\.(?:noarch|x86_64|i[3-6]86|aarch64|armv\w+|ppc64le|s390x|riscv64|src)$/;

/**
 * `apt list --upgradable`, a line `name/suite,suite version architecture [upgradable from: version]` each. Debian and Ubuntu
 * have what mends a hole in a suite whose name ends in `-security`. Never throws: what is no such line is passed over.
 */
export function countApt(text: string): Required<Pending> {
  let pending = 0;
  let security = 0;
  for (const line of linesOf(text)) {
    const [, name, suites] = APT.exec(line) ?? [];
    if (name === undefined || suites === undefined) continue;
    pending++;
    if (suites.split(',').some((suite) => suite.endsWith('-security'))) security++;
  }
  return { pending, security };
}

/**
 * `dnf check-update` (dnf(8), yum(8)): `name.architecture version repository` each; a long line goes on below, and the last
 * part, of packages that replace others, is no update. Never throws.
 */
export function countDnf(text: string): number {
  const names = new Set<string>();
  for (const line of linesOf(text)) {
    if (/^obsoleting packages/i.test(line)) break;
    const [name = ''] = wordsOf(line);
    if (!/^\s/.test(line) && RPM_PACKAGE.test(name)) names.add(name);
  }
  return names.size;
}

/** `pacman -Qu` (pacman(8)): `name version -> version`, and `[ignored]` behind what is held back. Never throws. */
export function countPacman(text: string): number {
  return linesOf(text).filter((line) => PACMAN.test(line) && !line.endsWith('[ignored]')).length;
}

/** `apk list --upgradable` (apk-list(8)): `name-version architecture {origin} (license) [upgradable from: name-version]`. Never throws. */
export function countApk(text: string): number {
  return linesOf(text).filter((line) => APK.test(line)).length;
}

export type Manager = 'apt' | 'dnf' | 'pacman' | 'apk';

const FAMILIES: Readonly<Record<string, Manager>> = {
  ...{ debian: 'apt', ubuntu: 'apt', raspbian: 'apt', proxmox: 'apt' },
  ...{ fedora: 'dnf', rhel: 'dnf', centos: 'dnf', rocky: 'dnf', almalinux: 'dnf' },
  ...{ arch: 'pacman', archarm: 'pacman', alpine: 'apk' },
};

/** The package manager of a distribution, by ID and ID_LIKE of os-release(5). Undefined for one that is not known. Never throws. */
export function managerOf(osRelease: string): Manager | undefined {
  for (const key of ['ID', 'ID_LIKE']) {
    const [, value = ''] = new RegExp(`^${key}=["']?([a-z0-9 ._-]*)["']?$`, 'm').exec(osRelease) ?? [];
    for (const id of value.split(' ')) {
      const manager = Object.hasOwn(FAMILIES, id) ? FAMILIES[id] : undefined;
      if (manager !== undefined) return manager;
    }
  }
  return undefined;
}

/** A kernel's release: numbers that are compared, and the rest, which must be alike for that. */
interface Release {
  readonly numbers: readonly number[];
  readonly flavour: string;
}

/** `6.8.12-10-pve` -> 6, 8, 12, 10 and `-pve`. Digits of the rest do not count: `.el9_4.x86_64` and `.el9_5.x86_64` are alike. */
function toRelease(text: string): Release | undefined {
  const [, version, rest] = /^([0-9]{1,9}(?:[.-][0-9]{1,9}){1,20})(.*)$/.exec(text) ?? [];
  if (version === undefined || rest === undefined) return undefined;
  return { numbers: version.split(/[.-]/).map(Number), flavour: rest.replace(/[0-9]+/g, '') };
}

function compare(a: Release, b: Release): number {
  for (let at = 0; at < Math.max(a.numbers.length, b.numbers.length); at++) {
    const difference = (a.numbers[at] ?? 0) - (b.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The newest of the installed kernels (names below /lib/modules) that is of the flavour of the running one. Undefined if none
 * is: the running kernel is then not one that this installation has, as in a container. Never throws.
 */
export function newestKernel(running: string, installed: readonly string[]): string | undefined {
  const own = toRelease(running);
  if (own === undefined) return undefined;
  let newest: { readonly name: string; readonly release: Release } | undefined;
  for (const name of installed) {
    const release = toRelease(name);
    if (release?.flavour !== own.flavour) continue;
    // Where the numbers are equal the running one is taken, if it is still installed: it is no older than the other.
    if (newest === undefined || compare(release, newest.release) > 0 || (name === running && compare(release, newest.release) === 0)) {
      newest = { name, release };
    }
  }
  if (newest === undefined || compare(newest.release, own) >= 0) return newest?.name;
  // An older one is installed and the running one is not: it was taken away, or the host was told to start the older one.
  return installed.includes(running) ? running : newest.name;
}
