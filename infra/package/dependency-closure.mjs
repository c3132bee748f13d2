import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * The packages that `start` (a folder below `top`) needs at run time, each where Node.js finds it: a map of paths below
 * `top` (with symbolic links followed) to manifests, `start` first. Optional ones count where they are installed. Throws if a needed one
 * is missing.
 */
export function dependencyClosure(top, start) {
  const found = new Map();
  const visit = (folder) => {
    const path = relative(top, folder);
    if (found.has(path)) return;
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    found.set(path, manifest);
    const optional = new Set([
      ...Object.keys(manifest.optionalDependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}).filter((name) => manifest.peerDependenciesMeta?.[name]?.optional === true),
    ]);
    for (const name of Object.keys({ ...manifest.peerDependencies, ...manifest.optionalDependencies, ...manifest.dependencies })) {
      const next = resolve(top, folder, name);
      if (next !== null) visit(next);
      else if (!optional.has(name)) throw new Error(`${path} needs ${name}, which is not installed`);
    }
  };
  visit(join(realpathSync(top), start));
  return found;
}

/** As Node.js looks for it: in node_modules of the folder and of each above it, up to `top`. */
function resolve(top, folder, name) {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(candidate)) return realpathSync(candidate);
    if (at === top || dirname(at) === at) return null;
  }
}
