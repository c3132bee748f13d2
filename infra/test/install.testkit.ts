import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCommand, tempDir } from '@hostwire/testkit';
import { afterAll } from 'vitest';

export const SCRIPT = fileURLToPath(new URL('../install.sh', import.meta.url));

/** Programs that only read or work on files that they are given: the real ones. */
const REAL = [
  ...['sh', 'cat', 'cp', 'mv', 'rm', 'mkdir', 'rmdir', 'ln', 'chmod', 'readlink', 'dirname', 'sed', 'tar', 'gzip', 'sha256sum'],
  ...['du', 'tail', 'wc', 'grep', 'head', 'basename', 'touch'],
];
/** Programs that would change this machine, or say what it is: each call is recorded, and nothing else is done. */
const STUBS = [
  ...['useradd', 'userdel', 'usermod', 'chown', 'systemctl', 'loginctl', 'curl', 'id', 'uname', 'getconf', 'df', 'getent', 'sleep'],
];

/** That every system has. */
const FOLDERS = ['run/systemd/system', 'etc/systemd/system', 'opt', 'usr/local', 'var/lib', 'var/log'];

/** What a stub does beside being recorded, as shell text; the default is nothing, exit code 0. */
const ANSWERS: Readonly<Record<string, string>> = {
  id: 'case $* in -u) echo 0 ;; "-u "*) grep -qx "$2" "$STATE/users" ;; -un) echo me ;; esac',
  useradd: 'for last; do :; done; echo "$last" >>"$STATE/users"',
  userdel: 'sed -i "/^$1\\$/d" "$STATE/users"',
  uname: 'case $1 in -s) echo Linux ;; -m) echo x86_64 ;; esac',
  getconf: 'echo 64',
  df: 'echo "Filesystem 1024-blocks Used Available Capacity Mounted on"; echo "/dev/sda1 9000000 1000000 8000000 12% /"',
  getent: 'exit 2',
  systemctl: 'case $* in *show*) echo connected to mqtts://server:8883 ;; esac',
  // Gives what lies in the folder `served`.
  curl: 'while [ $# -gt 1 ]; do [ "$1" = -o ] && to=$2; shift; done; cp "$STATE/served/$(basename "$1")" "$to" || exit 22',
};

export interface Sandbox {
  /** Stands for /. */
  readonly root: string;
  /** What the server serves. */
  readonly served: string;
  /** Runs install.sh; `stdin`: as `curl | sh` does. */
  install(
    args: readonly string[],
    how?: { readonly shell?: readonly string[]; readonly script?: string; readonly stdin?: boolean },
  ): {
    readonly code: number | null;
    readonly text: string;
    /** What was called by this run, in order. */
    readonly calls: string[];
  };
  /** Programs that change something, of the calls. */
  stub(name: string, answer: string): void;
  unstub(name: string): void;
  /** Every path below the root, with modes and targets of links. */
  tree(): string[];
  read(path: string): string;
}

/** The archive that every sandbox serves. */
let first: string | undefined;
afterAll(() => {
  if (first !== undefined) rmSync(dirname(first), { recursive: true });
});

/** A root with nothing in it and systemd running; a server that has the agent 1.0.0 for x64. */
export function sandbox(): Sandbox {
  const folder = tempDir();
  const [root, path, served] = ['root', 'path', 'served'].map((name) => join(folder, name)) as [string, string, string];
  for (const made of [...FOLDERS.map((name) => join(root, name)), path, served]) {
    mkdirSync(made, { recursive: true });
  }
  writeFileSync(join(folder, 'users'), 'root\n');
  writeFileSync(join(folder, 'calls'), '');
  for (const name of REAL) symlinkSync(findCommand(name) ?? '', join(path, name));
  const stub = (name: string, answer: string): void => {
    const text = `#!/bin/sh\necho "${name} $*" >>"$STATE/calls"\n${answer}\n`;
    // A link to a real program is replaced, never written through.
    rmSync(join(path, name), { force: true });
    writeFileSync(join(path, name), text, { mode: 0o755, flag: 'wx' });
  };
  for (const name of STUBS) stub(name, ANSWERS[name] ?? ':');
  first ??= makeArchive(mkdtempSync(join(tmpdir(), 'hostwire-install-')), { version: '1.0.0' });
  serve(served, first);
  return {
    root,
    served,
    install(args, { shell = ['sh'], script = SCRIPT, stdin = false } = {}) {
      const before = readFileSync(join(folder, 'calls'), 'utf8').length;
      const [command = '', ...rest] = shell;
      // BusyBox's shell goes before PATH with what it has itself.
      const prelude = command === 'busybox' ? STUBS.map((name) => `${name}() { "$STATE/path/${name}" "$@"; }\n`).join('') : '';
      const { status, stdout, stderr } = spawnSync(findCommand(command) ?? '', [...rest, ...(stdin ? ['-s', '--'] : [script]), ...args], {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: path, STATE: folder, HOSTWIRE_INSTALL_ROOT: root, HOME: join(root, 'home/me') },
        ...(stdin ? { input: prelude + readFileSync(script, 'utf8') } : {}),
      });
      const calls = readFileSync(join(folder, 'calls'), 'utf8').slice(before).replaceAll(folder, '').split('\n').slice(0, -1);
      return { code: status, text: `${stdout}${stderr}`.replaceAll(folder, ''), calls };
    },
    stub,
    unstub(name) {
      rmSync(join(path, name));
    },
    tree: () => [...walk(root, root)].sort(),
    read: (name) => readFileSync(join(root, name), 'utf8'),
  };
}

export interface ArchiveOptions {
  readonly version: string;
  readonly component?: 'agent' | 'server';
  readonly arch?: string;
  /** What the program does, as shell text; default: it enrols. */
  readonly program?: string;
}

/** What the agent's command `enroll` does with a server that takes the code GOOD, once. */
const ENROL = `case $1 in
--version) echo "$0" 1 ;;
login) echo http://127.0.0.1:8080/login#code=x ;;
enroll)
  while [ $# -gt 0 ]; do case $1 in --config) config=$2 ;; --code) code=$2 ;; esac; shift; done
  [ "$code" = GOOD ] && [ ! -e "$STATE/used" ] || { echo 'this code is not known' >&2; exit 3; }
  touch "$STATE/used"; (umask 077; echo 'token = "t"' >"$config") ;;
esac`;

/** An archive as `npm run package` makes it, but for its programs, which are shell scripts; its path. */
export function makeArchive(folder: string, { version, component = 'agent', arch = 'x64', program = ENROL }: ArchiveOptions): string {
  const name = component === 'agent' ? 'hostwire-agent' : 'hostwire';
  const top = `hostwire-${component}-${version}-linux-${arch}`;
  const files: Record<string, string> = {
    package: `component=${component}\nversion=${version}\narch=${arch}\n`,
    'install.sh': readFileSync(SCRIPT, 'utf8'),
    [`bin/${name}`]: `#!/bin/sh\necho "${name} $*" >>"$STATE/calls"\n${program}\n`,
    [`share/${name}.service`]: `# ${version}\n`,
    [`share/${name}.user.service`]: `# of a user, ${version}\n`,
    'share/service.sh': '#!/bin/sh\necho "service.sh $*" >>"$STATE/calls"\n',
    'share/openrc': '#!/sbin/openrc-run\n',
    'share/hostwire.example.toml': 'data_dir = "@DATA_DIR@"\nlisten = "@LISTEN@"\n',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, top, path, '..'), { recursive: true });
    writeFileSync(join(folder, top, path), text, { mode: path.startsWith('share/') && path.endsWith('.toml') ? 0o644 : 0o755 });
  }
  execFileSync('tar', ['-czf', join(folder, `${top}.tar.gz`), '-C', folder, top]);
  return join(folder, `${top}.tar.gz`);
}

/** Puts archives and their checksums into a folder. */
export function serve(folder: string, ...archives: readonly string[]): void {
  const lines = archives.map((archive) => {
    const bytes = readFileSync(archive);
    const name = archive.split('/').at(-1) ?? '';
    writeFileSync(join(folder, name), bytes);
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
  });
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''));
}

function* walk(top: string, folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    const what = stat.isSymbolicLink() ? `-> ${readlinkSync(path).replace(top, '')}` : (stat.mode & 0o777).toString(8);
    yield `${relative(top, path)} ${what}`;
    if (stat.isDirectory()) yield* walk(top, path);
  }
}
