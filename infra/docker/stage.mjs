// stage.mjs FOLDER: what the images of server and agent hold, out of a checkout that is installed and built, into
// FOLDER/server and FOLDER/agent. FOLDER/downloads are the packages that the server hands to the hosts it enrols.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dependencyClosure } from '../package/dependency-closure.mjs';
import { root } from '../package/layout.mjs';
import { thirdPartyLicenses } from '../package/licenses.mjs';
import { copyBuilt } from '../package/stage-agent.mjs';
import { copyMember, copyPackage, isUseful } from '../package/stage-server.mjs';

const out = resolve(process.argv[2] ?? 'dist/docker');
const [server, agent] = [join(out, 'server'), join(out, 'agent')];
for (const folder of [server, agent]) rmSync(folder, { recursive: true, force: true });

for (const [path, { name }] of dependencyClosure(root, 'apps/server')) {
  if (/-musl(?:$|\/)/.test(path)) continue;
  if (path.includes('node_modules')) copyPackage(join(root, path), join(server, path));
  else copyMember(path, name, server);
}
cpSync(join(root, 'apps/web/dist'), join(server, 'apps/web/dist'), { recursive: true, filter: isUseful });
if (existsSync(join(out, 'downloads'))) cpSync(join(out, 'downloads'), join(server, 'downloads'), { recursive: true });
cpSync(join(root, 'infra/docker/healthy-server.mjs'), join(server, 'healthy.mjs'));
cpSync(join(root, 'infra/docker/grafana-credentials.sh'), join(server, 'grafana-credentials.sh'));

mkdirSync(agent, { recursive: true });
copyBuilt(join(root, 'apps/agent/dist'), agent);
// The bundle is a module by this alone.
writeFileSync(join(agent, 'package.json'), '{ "type": "module" }\n');
cpSync(join(root, 'infra/docker/healthy-agent.mjs'), join(agent, 'healthy.mjs'));

for (const [folder, parts] of [
  [server, ['apps/web', 'apps/agent']],
  [agent, ['apps/agent']],
]) {
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'LICENSE.third-party'), thirdPartyLicenses(parts));
}
