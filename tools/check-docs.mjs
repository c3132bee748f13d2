// Checks that what the docs name exists: files and folders, links, npm scripts, and options of the two programs.
// Exits 1 with one line for each name that does not.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const problems = [];
const files = [...markdown(root)];
const PROGRAMS = {
  hostwire: 'apps/server/dist/main.js',
  'hostwire-agent': 'apps/agent/dist/main.js',
};
const helps = Object.fromEntries(Object.entries(PROGRAMS).map(([name, path]) => [name, help(path)]));

for (const file of files) check(file);
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exit(1);
}
process.stdout.write(`docs: ${files.length} pages, every path and command exists\n`);

function* markdown(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!['node_modules', 'dist', '.git', '.turbo', 'coverage'].includes(entry.name)) yield* markdown(path);
    } else if (entry.name.endsWith('.md')) yield path;
  }
}

function check(file) {
  const text = readFileSync(file, 'utf8');
  const where = relative(root, file);
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const full = path === '' ? file : join(dirname(file), path);
    if (!existsSync(full)) problems.push(`${where}: links to ${target}, which does not exist`);
    else if (anchor !== undefined && full.endsWith('.md') && !anchors(full).has(anchor))
      problems.push(`${where}: ${target} has no such heading`);
  }
  for (const [, path] of text.matchAll(/`((?:apps|packages|infra|docs|bench|tools)\/[A-Za-z0-9_./-]*|\.ci\/run)`/g)) {
    if (!path.includes('/dist') && !existsSync(join(root, path))) problems.push(`${where}: names ${path}, which does not exist`);
  }
  for (const [, name] of text.matchAll(/\bnpm run (?:--silent )?([a-z][a-z:-]*)/g)) {
    if (scripts[name] === undefined) problems.push(`${where}: names npm run ${name}, which package.json does not have`);
  }
  const code = [...text.matchAll(/```(?:sh|bash|console)?(?: run[^\n]*)?\n([\s\S]*?)```|`([^`\n]+)`/g)].flatMap(([, block, inline]) =>
    (block ?? inline).split('\n'),
  );
  for (const line of code) checkCommand(where, line.replace(/^\$ /, ''));
}

function checkCommand(where, line) {
  const [, name, rest] =
    /^(hostwire-agent|hostwire)(?: (.*))?$/.exec(
      line.replace(/^npm run hostwire --/, 'hostwire').replace(/^npm start --/, 'hostwire up'),
    ) ?? [];
  if (name === undefined || rest === undefined) return;
  for (const [option] of rest.matchAll(/(?<=^|\s)--[a-z][a-z-]*/g)) {
    if (!helps[name].includes(option)) problems.push(`${where}: \`${line}\` has the option ${option}, which ${name} does not know`);
  }
  const command = /^[a-z]+/.exec(rest)?.[0];
  if (command !== undefined && !helps[name].includes(`\n  ${command}`))
    problems.push(`${where}: \`${line}\`: ${name} has no command ${command}`);
}

/** Help of the program and of each of its commands, as one text. */
function help(path) {
  const run = (...args) =>
    execFileSync(process.execPath, [join(root, path), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const main = run('--help');
  const commands = [...main.matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map(([, command]) => command);
  return [main, ...[...new Set(commands)].map((command) => run(command, '--help'))].join('\n');
}

function anchors(file) {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^a-z0-9 _-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
