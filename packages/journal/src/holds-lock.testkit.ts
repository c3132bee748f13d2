import { writeSync } from 'node:fs';
import { lockFolder } from './index.ts';

/* A process for folder-lock.test.ts: locks a folder, says `locked` or why not, and stays. argument: folder. */
try {
  await lockFolder(process.argv[2] ?? '');
  writeSync(1, 'locked\n');
  setInterval(() => undefined, 1000);
} catch (error) {
  writeSync(1, `refused ${(error as { code: string }).code}\n`);
}
