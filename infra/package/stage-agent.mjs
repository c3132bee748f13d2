import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
  for (const name of ['main.js', 'mock']) cpSync(join(built, name), join(folder, 'lib', name), { recursive: true });
  // The bundle is a module by this alone.
  writeFileSync(join(folder, 'lib/package.json'), '{ "type": "module" }\n');
  cpSync(join(root, 'apps/agent/agent.example.toml'), join(folder, 'share/agent.example.toml'));
  writeFileSync(join(folder, 'LICENSE.third-party'), thirdPartyLicenses(['apps/agent']));
}
