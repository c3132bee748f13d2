// Writes the gate (infra/gate/hostwire-gate) from its frame, the worker and what the collectors declare that they need; and the worker as
// a module of host-access. With --check it writes nothing and exits 1 if a file is not current.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'packages/host-access/src/ssh');
const checking = process.argv.includes('--check');
let stale = 0;

const worker = readFileSync(join(folder, 'remote-worker.sh'), 'utf8');
const lines = worker
  .trimEnd()
  .split('\n')
  .map((line) => `  ${JSON.stringify(line)},\n`)
  .join('');
put(
  join(folder, 'remote-worker.gen.ts'),
  `// Generated from remote-worker.sh by \`npm run docs\`; do not edit.\nexport const REMOTE_WORKER = [\n${lines}  '',\n].join('\\n');\n`,
);
// They import what was just written.
const { COLLECTORS, settingsOf } = await import('@hostwire/collectors');
const { AGENT_NEEDS, gateLists } = await import('./gate-lists.ts');
const parts: Readonly<Record<string, string>> = {
  BANNER: 'Generated from frame.sh, remote-worker.sh and the needs of the collectors by `npm run docs`; do not edit.',
  WORKER: worker.trimEnd().replace(/^# shellcheck shell=sh\n/m, ''),
  // Of what depends on options, that of the defaults.
  LISTS: gateLists([
    AGENT_NEEDS,
    ...COLLECTORS.flatMap((collector) => [collector.needs ?? {}, collector.configuredNeeds?.(settingsOf(collector, {}).options) ?? {}]),
  ]),
};
const frame = readFileSync(join(root, 'infra/gate/frame.sh'), 'utf8');
const gate = join(root, 'infra/gate/hostwire-gate');
put(
  gate,
  frame.replaceAll(/^# @([A-Z]+)@$/gm, (_, name: string) => (name === 'BANNER' ? `# ${parts[name]}` : (parts[name] ?? ''))),
);
if (!checking) chmodSync(gate, 0o755);
process.exitCode = stale > 0 ? 1 : 0;

function put(file: string, text: string): void {
  const name = relative(root, file);
  if (!checking) {
    writeFileSync(file, text);
    process.stdout.write(`wrote ${name}\n`);
    return;
  }
  if (current(file) === text) return;
  stale++;
  process.stderr.write(`${name} is not current: run npm run docs\n`);
}

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
