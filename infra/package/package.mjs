// `npm run package [-- --arch x64,arm64] [--component agent,server] [--out DIR]`: the archives that are installed on hosts
// without Node.js, their checksums, and the script that installs them. The builds of the parts must be there.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeArchive, sha256 } from './archive.mjs';
import { ARCHITECTURES, archiveName, root } from './layout.mjs';
import { run } from './run.mjs';
import { stageAgent } from './stage-agent.mjs';
import { stageServer } from './stage-server.mjs';

const COMPONENTS = ['agent', 'server'];

try {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: ARCHITECTURES.join(',') },
      component: { type: 'string', default: COMPONENTS.join(',') },
      out: { type: 'string', default: join(root, 'dist/package') },
    },
  });
  await main(listOf(values.arch, ARCHITECTURES, '--arch'), listOf(values.component, COMPONENTS, '--component'), resolve(values.out));
} catch (error) {
  process.stderr.write(`package: ${error.message}\n`);
  process.exitCode = 1;
}

async function main(architectures, components, out) {
  const epoch = process.env['SOURCE_DATE_EPOCH'] ?? (await run('git', ['log', '-1', '--format=%ct'], { cwd: root })).trim();
  const work = mkdtempSync(join(tmpdir(), 'hostwire-package-'));
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(out)) if (/^hostwire-.*\.tar\.gz(\.part)?$/.test(name)) rmSync(join(out, name));
  try {
    const make = async (component, arch, stage) => {
      const name = archiveName(component, arch);
      await stage(join(work, name));
      const file = join(out, `${name}.tar.gz`);
      await makeArchive({ parent: work, name, file, epoch });
      rmSync(join(work, name), { recursive: true });
      process.stdout.write(`${relative(process.cwd(), file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB\n`);
      return file;
    };
    copyFileSync(join(root, 'infra/install.sh'), join(out, 'install.sh'));
    const agents = [];
    if (components.includes('agent')) {
      for (const arch of architectures) agents.push(await make('agent', arch, (folder) => stageAgent(folder, arch)));
    }
    await writeSums(out);
    const downloads = [...agents, join(out, 'SHA256SUMS'), join(out, 'install.sh')];
    if (components.includes('server')) {
      for (const arch of architectures) await make('server', arch, (folder) => stageServer(folder, arch, downloads));
    }
    await writeSums(out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** As sha256sum(1) writes and checks it. */
async function writeSums(out) {
  const names = readdirSync(out).filter((name) => name.endsWith('.tar.gz') || name === 'install.sh');
  const lines = await Promise.all(names.sort().map(async (name) => `${await sha256(join(out, name))}  ${name}\n`));
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''));
}

function listOf(text, allowed, option) {
  const items = text.split(',').map((item) => item.trim());
  const wrong = items.find((item) => !allowed.includes(item));
  if (wrong !== undefined) throw new Error(`${option} ${wrong} is none of ${allowed.join(', ')}`);
  return items;
}
