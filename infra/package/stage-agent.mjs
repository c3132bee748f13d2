import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './layout.mjs';
import { thirdPartyLicenses } from './licenses.mjs';
import { stageCommon } from './stage-common.mjs';

/** Puts into `folder` what the agent's archive holds. */
export async function stageAgent(folder, arch) {
  const built = join(root, 'apps/agent/dist');
  if (!existsSync(join(built, 'main.js'))) throw new Error('the agent is not built; run: npm run build');
  await stageCommon(folder, 'agent', arch);
  mkdirSync(join(folder, 'lib'));
  copyBuilt(built, join(folder, 'lib'));
  // The bundle is a module by this alone.
  writeFileSync(join(folder, 'lib/package.json'), '{ "type": "module" }\n');
  cpSync(join(root, 'apps/agent/agent.example.toml'), join(folder, 'share/agent.example.toml'));
  cpSync(join(root, 'infra/systemd/hostwire-agent-sudo.conf'), join(folder, 'share/hostwire-agent-sudo.conf'));
  writeFileSync(join(folder, 'LICENSE.third-party'), thirdPartyLicenses(['apps/agent']));
}

/** The program, what of it is loaded only where it is needed, and the recording of mock mode. */
export function copyBuilt(built, folder) {
  for (const name of readdirSync(built)) {
    if (/^(main\.js|part-.*\.js|mock)$/.test(name)) cpSync(join(built, name), join(folder, name), { recursive: true });
  }
}
