import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, version } from './layout.mjs';
import { nodeRuntime } from './node-runtime.mjs';

const NAMES = { agent: 'hostwire-agent', server: 'hostwire' };

/** Puts into `folder` what both archives hold: the runtime, the program's wrapper, units, scripts and licenses. */
export async function stageCommon(folder, component, arch) {
  const name = NAMES[component];
  const { node, license } = await nodeRuntime(arch);
  for (const part of ['bin', 'share']) mkdirSync(join(folder, part), { recursive: true });
  cpSync(node, join(folder, 'bin/node'));
  const copies = [
    ['LICENSE', join(root, 'LICENSE')],
    ['LICENSE.node', license],
    ['install.sh', join(root, 'infra/install.sh')],
    [`bin/${name}`, join(root, 'infra/package', name)],
    [`share/${name}.service`, join(root, 'infra/systemd', `${name}.service`)],
    [`share/${name}.user.service`, join(root, 'infra/systemd/user', `${name}.service`)],
  ];
  for (const [to, from] of copies) cpSync(from, join(folder, to));
  for (const script of ['service.sh', 'openrc']) {
    const text = readFileSync(join(root, 'infra/init', script), 'utf8').replaceAll('@NAME@', name);
    writeFileSync(join(folder, 'share', script), text, { mode: 0o755 });
  }
  for (const program of ['bin/node', `bin/${name}`, 'install.sh']) chmodSync(join(folder, program), 0o755);
  writeFileSync(join(folder, 'package'), `component=${component}\nversion=${version}\narch=${arch}\n`);
}
