import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { dependencyClosure } from './dependency-closure.mjs';
import { root } from './layout.mjs';
import { thirdPartyLicenses } from './licenses.mjs';
import { run } from './run.mjs';
import { stageCommon } from './stage-common.mjs';

const START = 'apps/server';
/** Never read at run time. */
const USELESS = /(?:\.d\.[cm]?ts|\.map|\.tsbuildinfo|(?<!license)\.(?:md|markdown))$/i;
/** Folders at the top of a package that nothing requires. */
const USELESS_FOLDERS = new Set(['test', 'tests', '__tests__', 'docs', 'example', 'examples', 'benchmark', 'benchmarks', '.github']);
/** What a workspace member has beside these is source. */
const MEMBER_PARTS = ['package.json', 'dist', 'rules', 'openapi.json'];

/** Puts into `folder` what the server's archive holds; `downloads`: files that it hands to the hosts it enrols. */
export async function stageServer(folder, arch, downloads) {
  for (const built of ['apps/server/dist/main.js', 'apps/web/dist/index.html']) {
    if (!existsSync(join(root, built))) throw new Error(`${built} is not built; run: npm run build`);
  }
  await stageCommon(folder, 'server', arch);
  const lib = join(folder, 'lib');
  const installed = mkdtempSync(join(tmpdir(), 'hostwire-package-'));
  try {
    await installFor(arch, installed);
    for (const [path, { name }] of dependencyClosure(installed, START)) {
      if (/-musl(?:$|\/)/.test(path)) continue;
      if (path.includes('node_modules')) copyPackage(join(installed, path), join(lib, path));
      else copyMember(path, name, lib);
    }
  } finally {
    rmSync(installed, { recursive: true });
  }
  cpSync(join(root, 'apps/web/dist'), join(lib, 'apps/web/dist'), { recursive: true, filter: isUseful });
  mkdirSync(join(lib, 'downloads'));
  for (const file of downloads) cpSync(file, join(lib, 'downloads', basename(file)));
  cpSync(join(root, 'infra/package/hostwire.example.toml'), join(folder, 'share/hostwire.example.toml'));
  writeFileSync(join(folder, 'LICENSE.third-party'), thirdPartyLicenses(['apps/web', 'apps/agent']));
}

/** The production dependencies with the prebuilt parts of the other machine, as package-lock.json has them. */
async function installFor(arch, folder) {
  const manifests = (
    await run('git', ['ls-files', '--', 'package.json', 'package-lock.json', '.npmrc', 'apps/*/package.json', 'packages/*/package.json'], {
      cwd: root,
    })
  )
    .trim()
    .split('\n');
  for (const file of manifests) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  const target = ['--os=linux', `--cpu=${arch}`, '--libc=glibc'];
  await run('npm', ['ci', '--workspace=@hostwire/server', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', ...target], {
    cwd: folder,
  });
}

export function copyPackage(from, to) {
  const isPart = (path) => {
    const [top = ''] = relative(from, path).split('/');
    return isUseful(path) && top !== 'node_modules' && !USELESS_FOLDERS.has(top);
  };
  cpSync(from, to, { recursive: true, filter: isPart });
}

export function copyMember(path, name, lib) {
  for (const part of MEMBER_PARTS.filter((part) => existsSync(join(root, path, part)))) {
    cpSync(join(root, path, part), join(lib, path, part), { recursive: true, filter: isUseful });
  }
  const link = join(lib, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(lib, path)), link);
}

export function isUseful(path) {
  return !USELESS.test(path);
}
