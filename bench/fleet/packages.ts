import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun } from './command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules/.cache/hostwire-fleet');

/** The archives of this checkout for this machine's architecture, made if they are not there. */
export async function packages(): Promise<{ readonly agent: string; readonly server: string; readonly sums: string }> {
  const arch = process.arch;
  const folder = process.env['HOSTWIRE_FLEET_PACKAGES'] ?? join(cache, 'package');
  const find = (component: string): string | undefined =>
    existsSync(folder)
      ? readdirSync(folder).find((name) => name.startsWith(`hostwire-${component}-`) && name.endsWith(`-linux-${arch}.tar.gz`))
      : undefined;
  if (process.env['HOSTWIRE_FLEET_PACKAGES'] === undefined) {
    await mustRun([process.execPath, join(root, 'infra/package/package.mjs'), '--arch', arch, '--out', folder], { timeoutMs: 300_000 });
  }
  const [agent, server] = [find('agent'), find('server')];
  if (agent === undefined || server === undefined) throw new Error(`there are no packages for ${arch} in ${folder}`);
  return { agent: join(folder, agent), server: join(folder, server), sums: join(folder, 'SHA256SUMS') };
}

/** A Debian 12 system as debootstrap makes it (minbase), of HOSTWIRE_FLEET_TREE or made once and kept. Never written to. */
export async function debianTree(): Promise<string> {
  const given = process.env['HOSTWIRE_FLEET_TREE'];
  if (given !== undefined) return given;
  const tree = join(cache, 'bookworm');
  if (existsSync(tree)) return tree;
  mkdirSync(cache, { recursive: true });
  const making = `${tree}.${process.pid}`;
  await mustRun(['debootstrap', '--variant=minbase', 'bookworm', making], { timeoutMs: 600_000 });
  renameSync(making, tree);
  return tree;
}
