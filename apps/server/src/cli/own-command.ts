import { existsSync } from 'node:fs';

/** How this program is called where it stands: in a checkout by npm, from a package by its name. */
export const ownCommand: string = existsSync(new URL('../../../../infra/start.mjs', import.meta.url)) ? 'npm run hostwire --' : 'hostwire';
