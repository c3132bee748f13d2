import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** What costs time to get and is the same for every build; outside of what is built. */
export const cache = join(root, 'node_modules/.cache/hostwire-package');
export const ARCHITECTURES = ['x64', 'arm64'];

/** Of an archive without its ending, and of the only folder in it. */
export function archiveName(component, arch) {
  return `hostwire-${component}-${version}-linux-${arch}`;
}
