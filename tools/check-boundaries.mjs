// Checks the dependency rules of docs/architecture.md: who may import whom, one home for each vendor library, no circles,
// nothing imported that package.json does not declare. Exits 1 with one line for each breach.
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// Only these may import these; tests may use any that their package declares.
const VENDOR_HOMES = {
  mqtt: ['packages/transport'],
  aedes: ['packages/broker'],
  '@influxdata/influxdb-client': ['packages/store'],
  libsql: ['packages/registry', 'packages/store'],
  kysely: ['packages/registry'],
  ssh2: ['packages/host-access'],
  ws: ['packages/broker', 'apps/server'],
  uplot: ['apps/web'],
};
// What these never see, whatever else they import.
const BLIND = {
  'packages/collectors': ['transport', 'broker', 'ingest', 'store', 'alerting', 'registry', 'service'],
  'packages/host-access': ['collectors', 'transport', 'broker', 'ingest', 'store', 'alerting', 'registry'],
  'packages/ingest': ['host-access', 'collectors', 'broker', 'alerting'],
  'packages/alerting': ['host-access', 'collectors', 'broker', 'ingest', 'store'],
  'packages/store': ['host-access', 'collectors', 'transport', 'broker', 'ingest', 'alerting', 'registry'],
  'packages/transport': ['broker', 'ingest', 'store', 'alerting', 'registry'],
};

const IMPORT = /(?:^|\n)\s*@?(?:import|export)\b(?:[^'";]*?\bfrom)?\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]/g;

const breaches = [];
const members = ['apps', 'packages'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
const manifests = new Map(members.map((member) => [member, JSON.parse(readFileSync(join(root, member, 'package.json'), 'utf8'))]));
const memberOf = new Map([...manifests].map(([member, { name }]) => [name, member]));
const edges = new Map(members.map((member) => [member, new Set()]));

for (const member of members) {
  const imported = new Set();
  for (const file of sources(join(root, member))) check(member, file, imported);
  for (const name of Object.keys(manifests.get(member).dependencies ?? {})) {
    if (!imported.has(name)) breaches.push(`${member}/package.json: declares ${name}, which nothing there imports`);
  }
}
for (const member of members) findCircle(member, [member]);

if (breaches.length > 0) {
  process.stderr.write(`${breaches.join('\n')}\n`);
  process.exit(1);
}
process.stdout.write(`boundaries: ${members.length} packages, no breach\n`);

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['node_modules', 'dist', '.turbo', 'e2e'].includes(entry.name)) yield* sources(path);
    else if (/\.(ts|vue|css)$/.test(entry.name) && !entry.name.endsWith('.gen.ts')) yield path;
  }
}

function check(member, file, imported) {
  const isTest = /\.(test|testkit|config)\.ts$/.test(file) || file.includes(`${sep}test${sep}`);
  const where = relative(root, file);
  const manifest = manifests.get(member);
  const declared = { ...manifest.dependencies, ...manifest.devDependencies };
  const text = readFileSync(file, 'utf8');
  for (const [, from, dynamic] of text.matchAll(IMPORT)) {
    const specifier = from ?? dynamic;
    if (specifier.startsWith('.')) {
      const target = relative(root, join(file, '..', specifier));
      if (!target.startsWith(`${member}${sep}`))
        breaches.push(`${where}: imports ${specifier}, a file of another package; import the package`);
      continue;
    }
    const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0];
    if (isBuiltin(specifier) || specifier.includes(':')) continue;
    imported.add(name);
    const isRootTool = isTest && ['vitest', 'fast-check', 'playwright-core'].includes(name);
    if (declared[name] === undefined && !isRootTool)
      breaches.push(`${where}: imports ${name}, which ${member}/package.json does not declare`);
    if (isTest) continue;
    const homes = VENDOR_HOMES[name];
    if (homes !== undefined && !homes.includes(member)) breaches.push(`${where}: ${name} has its home in ${homes.join(' and ')}`);
    const target = memberOf.get(name);
    if (target === undefined) continue;
    edges.get(member).add(target);
    if (target.startsWith('apps/')) breaches.push(`${where}: nobody imports an app (${name})`);
    if (member === 'packages/model') breaches.push(`${where}: model imports nothing of the workspace`);
    if (member === 'apps/web' && target !== 'packages/model') breaches.push(`${where}: web imports model only, not ${name}`);
    if (target === 'packages/testkit' && member !== 'packages/testkit') breaches.push(`${where}: testkit is for tests alone`);
    if (BLIND[member]?.includes(target.replace('packages/', ''))) breaches.push(`${where}: ${member} must not know ${target}`);
  }
}

function findCircle(member, path) {
  for (const next of edges.get(member)) {
    if (next === path[0]) breaches.push(`circle: ${[...path, next].join(' -> ')}`);
    else if (!path.includes(next)) findCircle(next, [...path, next]);
  }
}
