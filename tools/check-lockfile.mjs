// Checks package-lock.json: no registry address in it, and every platform's optional packages present, so that `npm ci`
// works on every first-class host and not only where the lockfile was made.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const problems = [];
const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').pop()));

for (const [path, entry] of Object.entries(packages)) {
  if (/^https?:/.test(entry.resolved ?? '')) {
    problems.push(`${path}: carries a registry address; .npmrc needs omit-lockfile-registry-resolved=true, then a fresh install`);
  }
  for (const optional of Object.keys(entry.optionalDependencies ?? {})) {
    if (!names.has(optional))
      problems.push(`${path}: optional ${optional} is missing; delete package-lock.json and every node_modules, then npm install`);
  }
}
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exit(1);
}
process.stdout.write(`lockfile: ${Object.keys(packages).length} entries, complete for every platform\n`);
