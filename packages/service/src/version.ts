import { readFileSync } from 'node:fs';

/** Set by the bundler (esbuild `define`), where no package.json stands beside the code. */
declare const HOSTWIRE_VERSION: string | undefined;

/** The version of Hostwire, e.g. `0.1.0`. */
export const version: string = typeof HOSTWIRE_VERSION === 'string' ? HOSTWIRE_VERSION : readVersion();

function readVersion(): string {
  const found: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (found as { version: string }).version;
}
