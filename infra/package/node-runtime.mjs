import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './layout.mjs';
import { run } from './run.mjs';

const pinned = JSON.parse(readFileSync(new URL('node-runtime.json', import.meta.url), 'utf8'));

/**
 * The Node.js runtime for an architecture, got once and kept: `{node, license}`, paths of the program and its license.
 * Throws if what came is not what is pinned in node-runtime.json.
 */
export async function nodeRuntime(arch) {
  const folder = join(cache, `node-${pinned.version}-${arch}`);
  const found = { node: join(folder, 'bin/node'), license: join(folder, 'LICENSE') };
  if (existsSync(found.node)) return found;
  mkdirSync(cache, { recursive: true });
  const name = `node-linux-${arch}`;
  await run('npm', ['pack', `${name}@${pinned.version}`, '--silent', '--ignore-scripts', '--pack-destination', cache], { cwd: cache });
  const archive = join(cache, `${name}-${pinned.version}.tgz`);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (integrity !== pinned.integrity[arch]) {
    rmSync(archive);
    throw new Error(`${name}@${pinned.version} has the integrity ${integrity}, not the one that node-runtime.json pins`);
  }
  // Whole or not at all: a folder that is there counts as complete.
  const unpacked = `${folder}.${process.pid}`;
  mkdirSync(unpacked, { recursive: true });
  await run('tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1', 'package/bin/node', 'package/LICENSE']);
  rmSync(folder, { recursive: true, force: true });
  renameSync(unpacked, folder);
  rmSync(archive);
  return found;
}
