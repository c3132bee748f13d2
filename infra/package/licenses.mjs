import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dependencyClosure } from './dependency-closure.mjs';
import { root } from './layout.mjs';

/** The licenses of what is bundled out of the dependencies of these folders of the checkout, as one text. */
export function thirdPartyLicenses(folders) {
  const parts = new Map();
  for (const start of folders) {
    for (const [path, { name, version, license }] of dependencyClosure(root, start)) {
      if (!path.includes('node_modules')) continue;
      parts.set(`${name} ${version}`, `${name} ${version} (${license ?? 'see below'})\n\n${licenseText(join(root, path))}`);
    }
  }
  return `${[...parts.keys()]
    .sort()
    .map((key) => parts.get(key).trim())
    .join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

function licenseText(folder) {
  if (!existsSync(folder)) return '';
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}
